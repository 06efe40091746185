-- An account for Engawa that sees and writes the rows of its own two groups, and nothing else: no passwords, no plans.
-- In FreeRADIUS' database, as its administrator:  mariadb radius < mariadb.sql  (another name than radius: change it below)
-- Two facts of yours: where Engawa comes from, and the password.
CREATE USER 'engawa'@'127.0.0.1' IDENTIFIED BY 'CHANGE-ME';

CREATE SQL SECURITY DEFINER VIEW engawa_radusergroup AS
  SELECT id, username, groupname, priority FROM radusergroup WHERE groupname IN ('engawa-strict', 'engawa-leaky')
  WITH CASCADED CHECK OPTION;
CREATE SQL SECURITY DEFINER VIEW engawa_radgroupreply AS
  SELECT id, groupname, attribute, op, value FROM radgroupreply WHERE groupname IN ('engawa-strict', 'engawa-leaky')
  WITH CASCADED CHECK OPTION;

GRANT SELECT, INSERT, DELETE ON radius.engawa_radusergroup TO 'engawa'@'127.0.0.1';
GRANT SELECT, INSERT, DELETE ON radius.engawa_radgroupreply TO 'engawa'@'127.0.0.1';
