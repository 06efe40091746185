// The samples load as they stand; a fault is told with its place, and all of them at once (D09).
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadFamilies, loadPack, loadPacks } from '../../src/config/families.ts';
import { formatFault } from '../../src/config/faults.ts';
import { type Files, load } from '../../src/config/load.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const SAMPLE = readFileSync(`${DEPLOY}engawa.yaml`, 'utf8');
const SECRET = 'sixteen octets!!\n';

/** The sample folder, with secrets, and with `changed` in place of some files. */
function files(changed: Readonly<Record<string, string>> = {}): Files {
  return {
    read: (path) => {
      const name = path.slice(DEPLOY.length);
      if (changed[name] !== undefined) return Buffer.from(changed[name]);
      return name.startsWith('secrets/') ? Buffer.from(SECRET) : readFileSync(path);
    },
    list: (path) => readdirSync(path),
  };
}
const loadText = (text: string, more: Readonly<Record<string, string>> = {}) =>
  load(`${DEPLOY}engawa.yaml`, files({ 'engawa.yaml': text, ...more }));

/** The sample with one piece replaced; the piece must be there. */
function withChange(from: string, to: string): string {
  expect(SAMPLE).toContain(from);
  return SAMPLE.replace(from, to);
}
function faultsOf(text: string, more?: Readonly<Record<string, string>>): readonly string[] {
  const loaded = loadText(text, more);
  return loaded.ok ? [] : loaded.error.map((fault) => formatFault(fault).replace(DEPLOY, ''));
}
/** `line:column` of a piece of the sample. */
function placeOf(text: string, piece: string): string {
  const offset = text.indexOf(piece);
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

describe('the sample', () => {
  const loaded = load(`${DEPLOY}engawa.yaml`, files());

  it('loads as it stands', () => {
    expect(loaded.ok ? [] : loaded.error.map(formatFault)).toEqual([]);
  });

  it('is one frozen object with units resolved, secrets read and paths absolute', () => {
    if (!loaded.ok) throw new Error('the sample does not load');
    const config = loaded.value;
    expect(config).toMatchObject({
      clock: { source: 'chrony' },
      listen: { portalHttp: { host: '::', port: 8080 } },
      intake: { bodyLimit: 8_000_000 },
      retention: { evidence: 30 * 86_400_000 },
      policy: `${DEPLOY}policy.yaml`,
    });
    expect(Buffer.from(config.accounting.clients[0]!.secrets[0]).toString(), 'the line break is no secret').toBe(
      'sixteen octets!!',
    );
    expect(Object.isFrozen(config.gateways[0]!.spec.lifelines)).toBe(true);
  });

  it('gives each gateway what the helper needs: lifelines, packs and the ports of our listeners', () => {
    if (!loaded.ok) throw new Error('the sample does not load');
    const { spec } = loaded.value.gateways[0]!;
    expect(spec.ports).toEqual({ portalHttp: 8080, portalHttps: 8443, tlsRefuser: 8444, dnsFront: 5353 });
    expect(spec.packs.map((pack) => pack.name)).toEqual(['certificate-status', 'device-updates', 'self-help']);
    expect(spec.lifelines.map((one) => one.class)).toContain('emergency');
    expect(spec.lifelines[0]!.ports).toEqual([
      { low: 5060, high: 5061 },
      { low: 10_000, high: 20_000 },
    ]);
  });

  it('names port 80 in one pack only: the status of certificates', () => {
    if (!loaded.ok) throw new Error('the sample does not load');
    const on80 = loaded.value.packs.filter((pack) => pack.ports.some(({ low, high }) => low <= 80 && high >= 80));
    expect(on80.map((pack) => pack.name)).toEqual(['certificate-status']);
  });
});

describe('D09: a faulty configuration does not load', () => {
  it('names file, line, column, what was expected and what stands there', () => {
    const text = withChange('bodyLimit: 8MB', 'bodyLimit: 10mbb');
    expect(faultsOf(text)).toEqual([
      `engawa.yaml:${placeOf(text, '10mbb')}: expected a size such as 512kB, 8MB, got "10mbb" (intake.bodyLimit)`,
    ]);
  });

  it('refuses NaN, infinity and a number without its unit', () => {
    for (const [value, got] of [
      ['.nan', 'NaN'],
      ['.inf', 'Infinity'],
    ])
      expect(faultsOf(withChange('port: 587', `port: ${value}`))[0]).toContain(`expected a number, got ${got}`);
    expect(faultsOf(withChange('interim: 10min', 'interim: 600'))[0]).toContain('expected text, got 600');
  });

  it('an unknown key is refused, and a misspelt one answered with the one that was meant', () => {
    const text = withChange('  tls443: alert', '  tls444: alert');
    const [fault] = faultsOf(text.replace('tls444: alert # or reset', 'tls444: alert'));
    expect(fault).toBe(
      `engawa.yaml:${placeOf(text, 'tls444')}: expected a known key, got "tls444" (gateways[0].tls444); did you mean "tls443"?`,
    );
    expect(faultsOf(`${SAMPLE}\n__proto__: 1\n`)[0]).toContain('__proto__');
  });

  it('a key written twice, an alias and broken YAML are refused with their place', () => {
    const twice = `${SAMPLE}\nclock:\n  source: assumed\n`;
    expect(faultsOf(twice)[0]).toMatch(/^engawa\.yaml:\d+:1: expected each key once, got the same key again$/);
    expect(faultsOf(withChange('name: Example Net', 'name: &n Example Net\n  phone2: *n'))[0]).toContain(
      'no YAML aliases',
    );
    expect(faultsOf('operator: [\n')[0]).toContain('expected well-formed YAML');
    expect(faultsOf('')[0]).toContain('engawa.yaml:1:1: expected a mapping, got nothing');
  });

  it('a gateway without an emergency lifeline does not load, whatever else is wrong with its lifelines', () => {
    const none = withChange('class: emergency', 'class: telecare');
    expect(faultsOf(none).join()).toContain('a lifeline of class emergency');
    const worse = none.replace('ports: [5060-5061, 10000-20000]', 'ports: [0]');
    expect(faultsOf(worse)).toHaveLength(2);
  });

  it('tells all faults of all files at once, in the order of the text', () => {
    const text = withChange('source: chrony', 'source: chronny')
      .replace('default: ja', 'default: fr')
      .replace('203.0.113.0/24', '203.0.113.1/24');
    const faults = faultsOf(text);
    expect(faults).toHaveLength(3);
    expect(faults[0]).toContain('one of the offered languages');
    expect(faults[1]).toContain('without host bits');
    expect(faults[2]).toContain('did you mean "chrony"?');
  });

  it('a secret that is short or missing is told at the key that names it, and never shown', () => {
    const short = faultsOf(SAMPLE, { 'secrets/bng1': 'tooshort' });
    expect(short).toEqual([
      `engawa.yaml:${placeOf(SAMPLE, 'secrets/bng1')}: expected a secret of at least 16 octets, got 8 octets in secrets/bng1 (accounting.clients[0].secretFiles[0])`,
    ]);
    const gone = load(`${DEPLOY}engawa.yaml`, { ...files(), read: (path) => readFileSync(path) });
    expect(gone.ok ? [] : gone.error.map((one) => one.got)).toEqual([
      'secrets/bng1: ENOENT',
      'secrets/honeypot.key: ENOENT',
    ]);
  });

  it('two valid secrets during a rotation, not three; a name once over sources and feeds', () => {
    const two = loadText(withChange('[secrets/bng1]', '[secrets/bng1, secrets/bng1-next]'));
    expect(two.ok && two.value.accounting.clients[0]!.secrets.length).toBe(2);
    expect(faultsOf(withChange('[secrets/bng1]', '[secrets/a, secrets/b, secrets/c]'))[0]).toContain('at most 2');
    expect(faultsOf(withChange('- name: honeypot', '- name: shadowserver'))[0]).toContain('each name once');
  });

  it('a feed cannot be declared in local time: the times of its files are UTC, whatever its readers write', () => {
    const local = withChange('kind: shadowserver }', 'kind: shadowserver, timeZone: Asia/Tokyo }');
    expect(faultsOf(local)).toEqual([
      `engawa.yaml:${placeOf(local, 'Asia/Tokyo }')}: expected UTC: the times of a Shadowserver file are UTC, always, got "Asia/Tokyo" (feeds[0].timeZone)`,
    ]);
    expect(faultsOf(withChange('kind: shadowserver }', 'kind: shadowserver, timeZone: UTC }'))).toEqual([]);
  });

  it('an AbuseHUB feed must say its zone, and no abbreviation will do', () => {
    const hub = (more: string) => withChange('kind: shadowserver }', `kind: abusehub${more} }`);
    expect(faultsOf(hub(''))[0]).toContain('(feeds[0].timeZone)');
    expect(faultsOf(hub(', timeZone: CET'))[0]).toContain('expected an IANA time zone such as Asia/Tokyo');
    expect(faultsOf(hub(', timeZone: Europe/Amsterdam'))).toEqual([]);
    expect(faultsOf(hub(', timeZone: Europe/Amsterdam, clock: 1s'))[0]).toContain('"clock"');
  });

  it('a feed of kind profile gets the profiles it names; several must be told apart', () => {
    const list = (names: string) => withChange('kind: shadowserver }', `kind: profile, profiles: ${names} }`);
    const loaded = loadText(list('[team-cymru-new, team-cymru-old]'));
    expect(loaded.ok && loaded.value.feeds.map((feed) => feed.kind === 'profile' && feed.profiles.length)).toEqual([2]);
    expect(faultsOf(list('[spamhaus]'))[0]).toContain('expected one of the profiles nicter, notice, spamhaus-cert');
    expect(faultsOf(list('[notice, nicter]'))[0]).toContain('each but the last with toldBy');
    expect(faultsOf(list('[team-cymru-new, spamhaus-cert]'))[0]).toContain('of one format');
    expect(faultsOf(list('[]'))[0]).toContain('at least 1');
  });

  it('a realm of its own is refused until lines of one can be found', () => {
    expect(faultsOf(withChange('skew: 2s', 'skew: 2s\n      realm: north'))[0]).toContain(
      'expected main (other realms: not yet), got "north"',
    );
  });

  it('listeners stand where the kernel sends steered connections, or the configuration does not load', () => {
    expect(faultsOf(withChange('portalHttp: "[::]:8080"', 'portalHttp: 127.0.0.1:8080'))[0]).toContain(
      `expected [::], or the portal's own address, got "127.0.0.1" (listen.portalHttp)`,
    );
    expect(faultsOf(withChange('portalHttp: "[::]:8080"', 'portalHttp: 192.0.2.80:8080'))).toEqual([]);
    expect(faultsOf(withChange('dnsFront: "[::]:5353"', 'dnsFront: 192.0.2.80:5353'))[0]).toContain(
      "expected [::]:PORT (the DNS front listens on the portal's own addresses)",
    );
  });

  it('a NAS that no gateway carries, and a carried one nobody configured, are faults of their names', () => {
    const text = withChange('nasIdentities: [bng1]', 'nasIdentities: [bgn1]');
    expect(faultsOf(text)).toEqual([
      `engawa.yaml:${placeOf(text, 'bng1\n      from')}: expected a name in nasIdentities of a gateway, got "bng1" (accounting.clients[0].name)`,
      `engawa.yaml:${placeOf(text, 'bgn1')}: expected the name of an accounting client, got "bgn1" (gateways[0].nasIdentities[0])`,
    ]);
  });

  it('one key of two sources is refused: each could speak as the other', () => {
    const second = '\n    - { name: darknet, keyFiles: [secrets/darknet.key] }';
    const text = withChange('      origin: own-sensors', `      origin: own-sensors${second}`);
    expect(faultsOf(text)[0]).toContain(
      'expected a key that stands nowhere else, got the same key again (intake.sources[1].keyFiles[0])',
    );
    expect(faultsOf(text, { 'secrets/darknet.key': 'seventeen octets!\n' })).toEqual([]);
  });

  it('a webhook needs https (or this machine), no password in its address, and 32 octets of secret', () => {
    const hook = (url: string) =>
      faultsOf(`${SAMPLE}\nwebhook: { url: "${url}", secretFile: secrets/webhook }\n`, {
        'secrets/webhook': 'x'.repeat(32),
      });
    expect(hook('https://messages.isp.example/engawa')).toEqual([]);
    expect(hook('http://127.0.0.1:9000/')).toEqual([]);
    for (const url of ['http://messages.isp.example/', 'https://user:pass@messages.isp.example/'])
      expect(hook(url)[0]).toContain('https without user and password');
    const short = `${SAMPLE}\nwebhook: { url: "https://m.isp.example/", secretFile: secrets/webhook }\n`;
    expect(faultsOf(short)[0]).toContain('expected a secret of at least 32 octets, got 16 octets');
  });

  it('one lost digit neither opens half the Internet nor reserves every line', () => {
    const found = withChange('prefixes: [192.0.2.112, ', 'prefixes: [0.0.0.0/0, ');
    expect(faultsOf(found).join()).toContain('expected prefixes of at least /16 and, for IPv6, /32');
    const pool = withChange('prefixes: [192.0.2.112, ', 'prefixes: [203.0.0.0/16, ');
    expect(faultsOf(pool).join()).toContain('prefixes that do not cover a whole subscriber pool');
    expect(faultsOf(withChange('[192.0.2.0/24, "2001', '[203.0.112.0/23, "2001')).join()).toContain('whole subscriber');
    const ports = withChange('ports: [5060-5061, 10000-20000]', 'ports: [1-65535]');
    expect(faultsOf(ports).join()).toContain('at most 32768 ports, or wide: true');
    expect(faultsOf(ports.replace('inbound: true', 'inbound: true\n        wide: true'))).toEqual([]);
  });

  it('a pack inside the subscriber pools does not load: home to home is no page', () => {
    const pack = 'name: self-help\npurpose: p\nprefixes: [203.0.113.7]\nports: [443]\n';
    expect(faultsOf(SAMPLE, { 'packs/self-help.yaml': pack }).join()).toContain(
      'outside the subscriber pools, got self-help',
    );
  });

  it('a second gateway is refused while its strict lines would have no DNS front', () => {
    const [, gateway] = /( {2}- name: bng1\n {4}accessInterfaces[\s\S]*?)\naccounting:/.exec(SAMPLE)!;
    const two = withChange('\naccounting:', `${gateway!.replace('name: bng1', 'name: bng2')}\naccounting:`);
    expect(faultsOf(two).join()).toContain('one gateway of kind nftables');
  });

  it('the portal is never its own sink', () => {
    expect(faultsOf(withChange('ip4: 192.0.2.81', 'ip4: 192.0.2.80'))[0]).toContain(
      "addresses other than the portal's own",
    );
  });

  it('a missing file is a fault, not a crash', () => {
    const missing = load('/nonexistent/engawa.yaml');
    expect(missing.ok ? [] : missing.error.map((one) => one.got)).toEqual(['/nonexistent/engawa.yaml: ENOENT']);
  });
});

describe('mailboxes', () => {
  const mailbox = (more: string, routes = '[{ dkim: cert.example, feed: shadowserver }]') =>
    `${SAMPLE}\nmailboxes:\n  - { name: reports, host: imap.isp.example, user: feeds, passwordFile: secrets/imap${more}, routes: ${routes} }\n`;

  it('are TLS, trust DKIM and move what is done', () => {
    const loaded = loadText(mailbox(''));
    expect(loaded.ok && loaded.value.mailboxes[0]).toMatchObject({
      port: 993,
      tls: 'implicit',
      trust: 'dkim',
      after: 'move',
      password: SECRET.trimEnd(),
      sizeLimit: 25_000_000,
      routes: [{ dkim: 'cert.example', attachment: ['*.csv', '*.csv.zip', '*.json'], feed: 'shadowserver' }],
    });
  });

  it('F15: a route without a signer needs a trusted transport, and there no route names one', () => {
    expect(faultsOf(mailbox('', '[{ feed: shadowserver }]'))[0]).toContain('dkim in every route');
    expect(faultsOf(mailbox(', trust: transport'))[0]).toContain('dkim in every route');
    expect(faultsOf(mailbox(', trust: transport', '[{ feed: shadowserver }]'))).toEqual([]);
  });

  it('name feeds that are there, folders that differ, and no plain text over a network', () => {
    expect(faultsOf(mailbox('', '[{ dkim: cert.example, feed: other }]'))[0]).toContain('expected the name of a feed');
    expect(faultsOf(mailbox(', doneFolder: INBOX'))[0]).toContain('three folders');
    expect(faultsOf(mailbox(', tls: none'))[0]).toContain('implicit or starttls');
    expect(faultsOf(mailbox(', sizeLimit: 65MB'))[0]).toContain('at most 64MB');
    expect(faultsOf(mailbox('').replace('name: reports, host', 'name: shadowserver, host'))[0]).toContain(
      'each name once',
    );
  });
});

describe('families and packs', () => {
  const one = (more: string) => `families:\n  - slug: x\n    survivesRestart: false\n    guide: restart\n${more}`;
  const UNKNOWN = '  - { slug: unknown, survivesRestart: true, guide: restart }\n';

  it('refuses a family that would close names, pages or time', () => {
    for (const port of [53, 80, 123, 443]) {
      const read = loadFamilies(one(`    tcp: [${port}]\n${UNKNOWN}`), 'families.yaml');
      expect(read.ok ? [] : read.error.map(formatFault)).toEqual([
        `families.yaml:5:11: expected a port other than 53, 80, 123, 443, got ${port} (families[0].tcp[0])`,
      ]);
    }
  });

  it('refuses a name two families claim, with the line of the second', () => {
    const read = loadFamilies(
      one(`    aliases: [y]\n  - { slug: y, survivesRestart: true, guide: nas }\n${UNKNOWN}`),
      'f.yaml',
    );
    expect(read.ok ? [] : read.error.map(formatFault)).toEqual([
      'f.yaml:6:7: expected a name no other family has, got y (of x) (y)',
    ]);
  });

  it.each([
    ['0.0.0.0/0', '443', 'at least /16'],
    ['::/1', '443', 'at least /16'],
    ['192.0.2.0/24', '1-65535', 'at most 1024 ports'],
    ['192.0.2.0/24', '50-60', 'ports other than 53 and 853'],
    ['192.0.2.0/24', '853', 'ports other than 53 and 853'],
  ])('a pack of %s on %s does not load', (prefix, ports, expected) => {
    const read = loadPack(`name: a\npurpose: p\nprefixes: ["${prefix}"]\nports: ["${ports}"]\n`, 'a.yaml');
    expect(read.ok ? '' : read.error.map(formatFault).join()).toContain(expected);
  });

  it('a large network is a pack only when its operator says so, and never everything', () => {
    const pack = (prefix: string) => `name: a\npurpose: p\nprefixes: ["${prefix}"]\nports: [443]\nwide: true\n`;
    expect(loadPack(pack('198.0.0.0/8'), 'a.yaml').ok).toBe(true);
    expect(loadPack(pack('0.0.0.0/1'), 'a.yaml').ok).toBe(false);
  });

  it('a pack names destinations, protocol and ports, and each name is used once', () => {
    expect(loadPack('name: a\npurpose: p\nports: [443]\n', 'a.yaml').ok).toBe(false);
    const good = 'name: a\npurpose: p\ndnsNames: ["*.maker.example"]\nports: [443, "8000-8010"]\n';
    expect(loadPack(good, 'a.yaml')).toMatchObject({
      ok: true,
      value: { protocols: ['tcp'], ports: [{ low: 443 }, { high: 8010 }] },
    });
    const twice = loadPacks([
      { name: 'a.yaml', text: good },
      { name: 'b.yaml', text: good },
    ]);
    expect(twice.ok ? [] : twice.error.map(formatFault)).toEqual([
      'b.yaml:1:1: expected a name no other pack has, got a (name)',
    ]);
  });
});
