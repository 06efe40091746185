-- An account for Engawa that sees and writes the rows of its own two groups, and nothing else: no passwords, no plans.
-- In FreeRADIUS' database, as its administrator:  psql -d radius -f postgresql.sql  and then  \password engawa
CREATE ROLE engawa LOGIN;

CREATE VIEW engawa_radusergroup WITH (security_barrier) AS
  SELECT id, username, groupname, priority FROM radusergroup WHERE groupname IN ('engawa-strict', 'engawa-leaky')
  WITH CASCADED CHECK OPTION;
CREATE VIEW engawa_radgroupreply WITH (security_barrier) AS
  SELECT id, groupname, attribute, op, value FROM radgroupreply WHERE groupname IN ('engawa-strict', 'engawa-leaky')
  WITH CASCADED CHECK OPTION;

GRANT SELECT, INSERT, DELETE ON engawa_radusergroup, engawa_radgroupreply TO engawa;
GRANT USAGE ON SEQUENCE radusergroup_id_seq, radgroupreply_id_seq TO engawa;
