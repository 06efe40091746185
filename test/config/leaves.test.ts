// No key of engawa.yaml loads and does nothing: every leaf of the schema stands here with the place that reads it, and that
// place must still say so. A new key without a reader fails, and so does a reader that was taken away.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';

/** Leaf → file of src and the words in it that use the value. */
const READ_BY: Readonly<Record<string, readonly [file: string, words: string]>> = {
  stateFolder: ['compose.ts', "join(config.stateFolder, 'engawa.db')"],
  controlSocket: ['serve.ts', 'config.controlSocket'],
  helperSocket: ['config/load.ts', 'helperSocket ?? file.helperSocket'],
  policy: ['compose.ts', 'config.policy'],
  families: ['config/load.ts', 'loadFamilies(familiesText'],
  packs: ['config/load.ts', 'reader.folder(file.packs'],
  guides: ['compose.ts', 'loadGuides(config.guides)'],
  'operator.name': ['compose.ts', 'operator: config.operator.name'],
  'operator.phone': ['compose.ts', 'phone: config.operator.phone'],
  'operator.contactUrl': ['http/portal/parts.ts', 'operator.contactUrl'],
  'operator.timeZone': ['http/portal/portal.ts', 'options.operator.timeZone'],
  'operator.supportHours': ['http/portal/parts.ts', 'operator.supportHours'],
  'languages.offered[]': ['serve.ts', 'languages: config.languages.offered'],
  'languages.default': ['compose.ts', 'defaultLanguage: config.languages.default'],
  'listen.intake': ['serve.ts', 'listen(server, config.listen.intake)'],
  'listen.portalHttp': ['serve.ts', 'addressesOf(config.listen.portalHttp)'],
  'listen.portalHttps': ['serve.ts', 'listen(server, config.listen.portalHttps)'],
  'listen.tlsRefuser': ['serve.ts', 'addressesOf(config.listen.tlsRefuser)'],
  'listen.dnsFront': ['config/load.ts', 'dnsFront: dnsFront.port'],
  'listen.accounting': ['serve.ts', 'everyAddress(config.listen.accounting)'],
  'portal.names[]': ['serve.ts', 'portalNames: config.portal.names'],
  'portal.certFile': ['serve.ts', 'readFileSync(config.portal.certFile)'],
  'portal.keyFile': ['serve.ts', 'readFileSync(config.portal.keyFile)'],
  'dns.resolvers[]': ['serve.ts', 'config.dns.resolvers.map'],
  'dns.port': ['serve.ts', 'port: config.dns.port'],
  dialects: ['config/load.ts', 'reader.folder(file.dialects'],
  'sharing.rules': ['config/load.ts', "reader.text(rules, 'sharing.rules')"],
  'sharing.addresses[]': ['compose.ts', 'shared: config.sharing.addresses'],
  'aaa.postAuth.listen': ['serve.ts', 'listen(server, postAuth.listen)'],
  'aaa.postAuth.keyFiles[]': ['aaa.ts', 'postAuth.keys.map'],
  'aaa.sql.kind': ['aaa.ts', "kind === 'postgresql'"],
  'aaa.sql.host': ['aaa.ts', 'postgres(access)'],
  'aaa.sql.port': ['config/load.ts', 'port ?? SQL_PORT[sql.kind]'],
  'aaa.sql.database': ['aaa.ts', 'postgres(access)'],
  'aaa.sql.user': ['aaa.ts', 'postgres(access)'],
  'aaa.sql.passwordFile': ['config/load.ts', 'reader.text(passwordFile'],
  'aaa.sql.caFile': ['config/load.ts', 'reader.text(caFile'],
  'aaa.sql.gateway': ['aaa.ts', 'attributesFor(engine, gateway, garden)'],
  'aaa.sql.priority': ['aaa.ts', 'priority,'],
  'aaa.server.listen': ['aaa.ts', 'everyAddress(server.listen)'],
  'aaa.server.usersFile': ['config/load.ts', 'readAaaUsers(text'],
  'aaa.server.clients[].name': ['adapters/aaa/radius/server.ts', 'client.name'],
  'aaa.server.clients[].from[]': ['adapters/aaa/radius/server.ts', 'client.from.map'],
  'aaa.server.clients[].secretFiles[]': ['adapters/aaa/radius/client.ts', 'secrets'],
  'aaa.server.clients[].gateway': ['aaa.ts', '...client, gateway }'],
  'aaa.server.clients[].accessKey': ['adapters/aaa/radius/client.ts', 'accessKey'],
  'aaa.server.clients[].requireMessageAuthenticator': ['adapters/aaa/radius/client.ts', 'requireMessageAuthenticator'],
  'aaa.server.clients[].limitProxyState': ['adapters/aaa/radius/client.ts', 'limitProxyState'],
  'aaa.server.clients[].requestsPerSecond': ['adapters/aaa/radius/server.ts', 'client.requestsPerSecond'],
  'accounting.clients[].proxy': ['serve.ts', 'proxy: client.proxy'],
  'accounting.clients[].packetsPerSecond': ['serve.ts', 'client.packetsPerSecond'],
  'accounting.clients[].messageAuthenticator': ['serve.ts', 'client.messageAuthenticator'],
  'gateways[].ssh.host': ['adapters/enforcer/nftables/ssh.ts', 'target.host'],
  'gateways[].ssh.port': ['adapters/enforcer/nftables/ssh.ts', 'target.port'],
  'gateways[].ssh.user': ['adapters/enforcer/nftables/ssh.ts', 'target.user'],
  'gateways[].ssh.identityFile': ['adapters/enforcer/nftables/ssh.ts', 'target.identityFile'],
  'gateways[].ssh.knownHostsFile': ['adapters/enforcer/nftables/ssh.ts', 'target.knownHostsFile'],
  'gateways[].modeMarks.mask': ['config/load.ts', '...(modeMarks && { modeMarks })'],
  'gateways[].modeMarks.strict': ['config/load.ts', '...(modeMarks && { modeMarks })'],
  'gateways[].modeMarks.leaky': ['config/load.ts', '...(modeMarks && { modeMarks })'],
  'gateways[].resolver.folder': ['adapters/enforcer/rpz/zones.ts', 'options.folder'],
  'gateways[].resolver.controlSocket': ['adapters/enforcer/rpz/zones.ts', 'options.controlSocket'],
  'gateways[].resolver.zones.allow': ['adapters/enforcer/rpz/zones.ts', 'options.zones'],
  'gateways[].resolver.zones.garden': ['adapters/enforcer/rpz/zones.ts', 'options.zones'],
  'gateways[].kind': ['config/load.ts', "one.kind !== 'radius'"],
  'gateways[].dialect': ['config/load.ts', 'dialects.get(name)'],
  'gateways[].address': ['nas-gateways.ts', 'formatIp(gateway.address)'],
  'gateways[].port': ['nas-gateways.ts', 'port: gateway.port'],
  'gateways[].source': ['nas-gateways.ts', 'formatIp(gateway.source)'],
  'gateways[].secretFiles[]': ['nas-gateways.ts', 'secrets: gateway.secrets'],
  'gateways[].values': ['nas-gateways.ts', 'valuesOf(gateway)'],
  'gateways[].window': ['nas-gateways.ts', 'window: gateway.window'],
  'gateways[].packetsPerSecond': ['nas-gateways.ts', 'gateway.packetsPerSecond'],
  'gateways[].replayWindow': ['nas-gateways.ts', 'gateway.replayWindow'],
  'gateways[].messageAuthenticator': ['nas-gateways.ts', "gateway.messageAuthenticator === 'require'"],
  'gateways[].bounce': ['nas-gateways.ts', 'bounce: gateway.bounce'],
  'gateways[].name': ['compose.ts', 'gateway.spec.name'],
  'gateways[].table': ['protocols/nftables/ruleset.ts', 'spec.table'],
  'gateways[].helperSocket': ['linux-gateways.ts', 'socketPath: helperSocket'],
  'gateways[].accessInterfaces[]': ['protocols/nftables/rule-parts.ts', 'accessInterfaces'],
  'gateways[].portal.ip4': ['protocols/nftables/rule-parts.ts', 'portal'],
  'gateways[].portal.ip6': ['protocols/nftables/rule-parts.ts', 'portal'],
  'gateways[].sink.ip4': ['protocols/nftables/rule-parts.ts', 'sink'],
  'gateways[].sink.ip6': ['protocols/nftables/rule-parts.ts', 'sink'],
  'gateways[].tls443': ['serve.ts', 'mode: spec.tls443'],
  'gateways[].pools[]': ['compose.ts', 'gateway.spec.pools'],
  'gateways[].infrastructure[]': ['compose.ts', 'spec.infrastructure'],
  'gateways[].ipv6Lengths[]': ['compose.ts', 'gateway.spec.ipv6Lengths'],
  'gateways[].ntpServers[]': ['protocols/nftables/destination-rules.ts', 'spec.ntpServers'],
  'gateways[].lifelines[].name': ['protocols/nftables/sets.ts', 'lifelineSet'],
  'gateways[].lifelines[].class': ['config/gateway.ts', "?.class === 'emergency'"],
  'gateways[].lifelines[].prefixes[]': ['compose.ts', 'lifeline.prefixes'],
  'gateways[].lifelines[].protocols[]': ['protocols/nftables/destination-rules.ts', 'protocols'],
  'gateways[].lifelines[].ports[]': ['protocols/nftables/destination-rules.ts', 'ports'],
  'gateways[].lifelines[].inbound': ['protocols/nftables/destination-rules.ts', 'inbound'],
  'gateways[].lifelines[].wide': ['config/gateway.ts', 'one.wide'],
  'gateways[].lifelines[].dnsNames[]': ['garden/dns/lifeline-names.ts', 'dnsNames'],
  'gateways[].packs': ['config/load.ts', "wanted === 'all'"],
  'gateways[].nasIdentities[]': ['compose.ts', 'gateway.nasIdentities'],
  'accounting.clients[].name': ['serve.ts', 'name: client.name'],
  'accounting.clients[].from[]': ['serve.ts', 'from: client.from'],
  'accounting.clients[].secretFiles[]': ['serve.ts', 'secrets: client.secrets'],
  'accounting.clients[].accessKey': ['serve.ts', 'accessKey: client.accessKey'],
  'accounting.clients[].realm': ['serve.ts', 'realm: client.realm'],
  'accounting.clients[].interim': ['compose.ts', 'client.interim'],
  'accounting.clients[].skew': ['compose.ts', 'client.skew'],
  'intake.bodyLimit': ['serve.ts', 'maxBodyBytes: config.intake.bodyLimit'],
  'intake.sources[].name': ['serve.ts', 'sources: config.intake.sources'],
  'intake.sources[].keyFiles[]': ['serve.ts', 'keyHashes: keys.map'],
  'intake.sources[].origin': ['compose.ts', 'origins: originsOf(config)'],
  'feeds[].name': ['operations.ts', 'config.feeds.map((feed) => feed.name)'],
  'feeds[].kind': ['feed-formats.ts', 'switch (feed.kind)'],
  // Shadowserver's can only say UTC; AbuseHUB's is the zone its rows are read in.
  'feeds[].timeZone': ['protocols/abusehub/read.ts', 'instantsOf(wall, timeZone)'],
  'feeds[].clock': ['feed-formats.ts', 'clockMs: feed.clock'],
  'feeds[].leastAccuracy': ['protocols/intelmq/read.ts', 'settings.leastAccuracy'],
  'feeds[].homeNet[]': ['protocols/suricata/read.ts', 'settings.homeNet'],
  'feeds[].alerts[].signatures[]': ['protocols/suricata/read.ts', 'rule.signatures'],
  'feeds[].alerts[].categories[]': ['protocols/suricata/read.ts', 'rule.categories'],
  'feeds[].alerts[].class': ['protocols/suricata/read.ts', 'rule.class'],
  'feeds[].alerts[].accuses': ['protocols/suricata/read.ts', 'rule.accuses'],
  'feeds[].alerts[].family': ['protocols/suricata/read.ts', 'rule.family'],
  'feeds[].profiles[]': ['feed-formats.ts', 'feed.profiles'],
  feedProfiles: ['config/load.ts', 'reader.folder(file.feedProfiles'],
  'feeds[].origin': ['compose.ts', 'config.feeds]'],
  'clock.source': ['compose.ts', 'source: config.clock.source'],
  'mail.kind': ['adapters/notifier/create.ts', "mail.kind === 'spool'"],
  'mail.host': ['adapters/notifier/create.ts', 'host: mail.host'],
  'mail.port': ['adapters/notifier/create.ts', 'port: mail.port'],
  'mail.tls': ['adapters/notifier/create.ts', 'SECURITY[mail.tls]'],
  'mail.user': ['adapters/notifier/create.ts', 'user: mail.user'],
  'mail.passwordFile': ['adapters/notifier/create.ts', 'pass'],
  'mail.from': ['adapters/notifier/create.ts', 'address: mail.from'],
  'mail.directory': ['adapters/notifier/create.ts', 'folder: mail.directory'],
  'webhook.url': ['adapters/notifier/create.ts', '...webhook'],
  'webhook.secretFile': ['adapters/notifier/create.ts', '...webhook'],
  'retention.evidence': ['compose.ts', 'rawMs: config.retention.evidence'],
  'retention.reports': ['compose.ts', 'reportsMs: config.retention.reports'],
  'retention.bindings': ['compose.ts', 'retentionDays: config.retention.bindings'],
  'retention.cases': ['compose.ts', 'casesMs: config.retention.cases'],
  'retention.pages': ['compose.ts', 'pagesMs: config.retention.pages'],
  'retention.audit': ['compose.ts', 'auditMs: config.retention.audit'],
};

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
}

function leaves(node: Node, path: string): readonly string[] {
  const under = (child: Node, name: string) => leaves(child, path === '' ? name : `${path}.${name}`);
  if (node.properties !== undefined) return Object.entries(node.properties).flatMap(([name, one]) => under(one, name));
  const list = (node.anyOf ?? node.oneOf)?.filter((one) => one.properties !== undefined) ?? [];
  if (list.length > 0) return list.flatMap((one) => leaves(one, path));
  return node.items === undefined ? [path] : leaves(node.items, `${path}[]`);
}

const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Node;
const found = [...new Set(leaves(schema, ''))].sort();

test('every leaf of the schema is in the table, and the table names no other', () => {
  expect(found.length).toBeGreaterThan(60);
  expect(found).toEqual(Object.keys(READ_BY).sort());
});

test.each(Object.entries(READ_BY))('%s is read where the table says', (_leaf, [file, words]) => {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
  expect(words).not.toBe('');
  expect(text.includes(words), `${file}: ${words}`).toBe(true);
});
