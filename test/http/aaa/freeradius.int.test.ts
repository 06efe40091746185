// The rest way as an operator builds it: Debian's FreeRADIUS, the files of deploy/freeradius, logins by radclient, and our
// router – there, down, hanging or failing.
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NamedAttribute } from '../../../src/core/dialect/dialect.ts';
import { MARKERS } from '../../../src/core/dialect/marker.ts';
import { createAaaRouter } from '../../../src/http/aaa/router.ts';
import { hashKey } from '../../../src/http/intake/keys.ts';
import { type Attribute, decodePacket } from '../../../src/protocols/radius/codec.ts';
import { decodeNamed, encodeNamed } from '../../../src/protocols/radius/named.ts';
import { accessRequest, Nas } from '../../adapters/aaa/radius/nas.ts';
import { FakeLog } from '../../fakes/log.ts';
import { freePort } from '../../peers/daemon.ts';
import { type Answer, attributesIn, type FreeRadius, radclient, startFreeRadius } from '../../peers/freeradius-aaa.ts';

const KEY = 'k'.repeat(43);
const GARDEN: readonly NamedAttribute[] = [
  { name: 'Filter-Id', value: 'wg-in' },
  { name: 'ERX-Service-Activate', tag: 1, value: 'WG(%{User-Name})' },
  { name: 'Cisco-AVPair', value: 'sub:policy=`id` %{User-Password} "x" \\n' },
  { name: 'Delegated-IPv6-Prefix', value: '2001:db8:aa00::/56' },
];
const PLAN = `DEFAULT Cleartext-Password := "right"
	Filter-Id := "plan-100",
	Filter-Id += "plan-extra",
	Class := "plan-class",
	Cisco-AVPair := "ip:addr-pool=homes",
	ERX-Service-Activate:1 := "internet",
	ERX-Service-Activate:2 += "tv",
	Session-Timeout := 3600

`;

let radius: FreeRadius;
let engawaPort: number;
const wanted = new Map<string, 'strict' | 'leaky'>();
let isReady = true;
let garden = GARDEN;
let server: Server | undefined;
const heard: string[] = [];
let asked = 0;

beforeAll(async () => {
  engawaPort = await freePort('tcp');
  radius = await startFreeRadius((raddb) => {
    raddb.install('mods-available/engawa_rest', [
      ['http://127.0.0.1:8095', `http://127.0.0.1:${engawaPort}`],
      ['CHANGE-ME', KEY],
    ]);
    raddb.install('policy.d/engawa');
    raddb.insertBefore('sites-available/default', 'Post-Auth-Type REJECT {', '\tengawa_login');
    const users = 'mods-config/files/authorize';
    raddb.insertBefore(users, '#', PLAN);
  });
});
afterAll(() => radius.stop());

afterEach(async () => {
  wanted.clear();
  heard.length = 0;
  isReady = true;
  garden = GARDEN;
  await down();
});

async function up(handler: RequestListener = ours()): Promise<void> {
  server = createServer((request, response) => {
    asked++;
    handler(request, response);
  });
  await new Promise<void>((done) => server!.listen(engawaPort, '127.0.0.1', done));
}

async function down(): Promise<void> {
  server?.closeAllConnections();
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
}

function ours() {
  return createAaaRouter({
    logins: {
      get isReady() {
        return isReady;
      },
      of: (accessKey) => {
        heard.push(accessKey);
        return wanted.get(accessKey);
      },
    },
    keyHashes: [hashKey(KEY)],
    nases: [{ identity: 'bng-by-circuit', gateway: 'bng-by-circuit', accessKey: 'Agent-Circuit-Id' }],
    attributesFor: (_gateway, access) => [...garden, { name: 'Class', value: MARKERS[access] }],
    clock: { monotonicMs: () => performance.now() },
    log: new FakeLog(),
  });
}

const login = (user: string, ...more: string[]) =>
  radclient(radius.authPort, 'auth', [`User-Name = "${user}"`, 'User-Password = "right"', ...more]);

const sorted = (lines: readonly string[]) => [...lines].sort();

/** The attributes of an Access-Accept; anything else fails here. */
function planOf({ code, output }: Answer): readonly string[] {
  expect(code, output).toBe(0);
  expect(output).toContain('Received Access-Accept');
  return sorted(attributesIn(output));
}

const PLAN_ANSWER = [
  'Filter-Id = "plan-100"',
  'Filter-Id = "plan-extra"',
  `Class = 0x${Buffer.from('plan-class').toString('hex')}`,
  'Cisco-AVPair = "ip:addr-pool=homes"',
  'ERX-Service-Activate:1 = "internet"',
  'ERX-Service-Activate:2 = "tv"',
  'Session-Timeout = 3600',
];

/** Of a server that FreeRADIUS asks: after a refused connection it does not for a while, and logins go on meanwhile. */
async function askedLogin(user: string, ...more: string[]): Promise<Answer> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const before = asked;
    const answer = await login(user, ...more);
    if (asked > before) return answer;
    if (performance.now() > deadline) throw new Error('FreeRADIUS asks nothing');
  }
}

describe('FreeRADIUS asks at login', () => {
  test('a line in the garden gets its attributes and the marker, and no value of its plan for any of them', async () => {
    await up();
    wanted.set('ann', 'strict');
    const answer = await askedLogin('ann');
    expect(answer.output).toContain('Received Access-Accept');
    expect(sorted(attributesIn(answer.output))).toEqual(
      sorted([
        `Class = 0x${Buffer.from('plan-class').toString('hex')}`,
        `Class = 0x${Buffer.from('engawa-strict').toString('hex')}`,
        'Cisco-AVPair = "ip:addr-pool=homes"',
        'Cisco-AVPair = "sub:policy=`id` %{User-Password} \\"x\\" \\\\n"',
        'Delegated-IPv6-Prefix = 2001:db8:aa00::/56',
        'ERX-Service-Activate:1 = "WG(%{User-Name})"',
        'Filter-Id = "wg-in"',
        'Session-Timeout = 3600',
      ]),
    );
  });

  test('every other line gets its plan, and a wrong password is nothing we are asked about', async () => {
    await up();
    wanted.set('ann', 'strict');
    expect(planOf(await askedLogin('bob'))).toEqual(sorted(PLAN_ANSWER));
    const before = asked;
    const wrong = await radclient(radius.authPort, 'auth', ['User-Name = "ann"', 'User-Password = "wrong"']);
    expect(wrong.output).toContain('Received Access-Reject');
    expect(asked).toBe(before);
  });

  test.each([
    ['answers 500', 500],
    ['answers 404', 404],
    ['answers 401', 401],
    ['answers 403', 403],
    ['answers 503, as while it starts', 503],
  ])('fails open: Engawa %s', async (_what, status) => {
    await up((_request, response) => {
      response.statusCode = status;
      response.end('{"reply:Filter-Id":"never"}');
    });
    expect(planOf(await askedLogin('ann'))).toEqual(sorted(PLAN_ANSWER));
  });

  test('fails open: what Engawa answers is no JSON', async () => {
    await up((_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end('{"reply:Filter-Id":{"op":":=","val');
    });
    expect(planOf(await askedLogin('ann'))).toEqual(sorted(PLAN_ANSWER));
  });

  test('fails open: Engawa hangs; the login waits half a second for it', async () => {
    await up(() => {});
    const answer = await askedLogin('ann');
    expect(planOf(answer)).toEqual(sorted(PLAN_ANSWER));
    expect(answer.tookMs).toBeGreaterThan(400);
    expect(answer.tookMs).toBeLessThan(2000);
  });

  test('fails open: Engawa is down; nothing waits, and it is asked again when it is back', async () => {
    const answers = [await login('ann'), await login('ann'), await login('bob')];
    for (const answer of answers) {
      expect(planOf(answer)).toEqual(sorted(PLAN_ANSWER));
      expect(answer.tookMs).toBeLessThan(1500);
    }
    wanted.set('ann', 'leaky');
    await up();
    expect(attributesIn((await askedLogin('ann')).output)).toContain('Filter-Id = "wg-in"');
  });

  test('fails open: our own router does not know yet, and then it does', async () => {
    await up();
    wanted.set('ann', 'strict');
    isReady = false;
    expect(planOf(await askedLogin('ann'))).toEqual(sorted(PLAN_ANSWER));
    isReady = true;
    expect(attributesIn((await askedLogin('ann')).output)).toContain('Filter-Id = "wg-in"');
  });

  test.each([
    ['a quote', 'bo\\"b', 'bo"b'],
    ['an apostrophe', "o'b", "o'b"],
    ['a backslash', 'isp\\\\bob', 'isp\\bob'],
    ['what FreeRADIUS could expand', '%{User-Password}', '%{User-Password}'],
    ['a line break', 'bo\\nb', '0x626f0a62'],
    ['letters beyond ASCII', 'j\\303\\274rgen', 'jürgen'],
    ['octets that are no text', 'bo\\377b', '0x626fff62'],
    ['a slash and braces', 'bo/b{"}', 'bo/b{"}'],
  ])('a User-Name with %s arrives as accounting would write it', async (_what, written, accessKey) => {
    await up();
    wanted.set(accessKey, 'strict');
    const answer = await askedLogin(written.replaceAll('{"}', '{\\"}'));
    expect(heard).toContain(accessKey);
    expect(attributesIn(answer.output)).toContain('Filter-Id = "wg-in"');
  });

  test('what FreeRADIUS sends is octet by octet what the dialect says', async () => {
    await up();
    wanted.set('ann', 'strict');
    garden = [
      { name: 'Filter-Id', value: '`id`' },
      { name: 'Reply-Message', value: '"%{User-Name}" \\n \\\\ %% \\101' },
      { name: 'Reply-Message', value: '0x5c00ff22' },
      { name: 'Reply-Message', value: 'für 日本' },
      { name: 'Callback-Id', value: "'a'" },
      { name: 'Service-Type', value: 'Framed-User' },
      { name: 'Idle-Timeout', value: '4294967295' },
      { name: 'Framed-Pool', value: 'garden' },
      { name: 'Framed-IP-Netmask', value: '255.255.255.255' },
      { name: 'Framed-Interface-Id', value: '0:0:0:a' },
      { name: 'Delegated-IPv6-Prefix', value: '2001:db8:aa00::/56' },
      { name: 'Tunnel-Type', tag: 1, value: 'L2TP' },
      { name: 'Tunnel-Private-Group-Id', tag: 1, value: '100' },
      { name: 'Tunnel-Private-Group-Id', tag: 2, value: '200' },
      { name: 'NAS-Filter-Rule', value: 'permit in ip from any to 192.0.2.10' },
      { name: 'NAS-Filter-Rule', value: 'deny in ip from any to any' },
      { name: 'Class', value: '"octets\\' },
    ];
    await askedLogin('ann');
    const nas = await Nas.to(radius.authPort);
    const answer = decodePacket(await nas.ask(accessRequest({ user: 'ann', pap: 'right', secret: 'testing123' })));
    await nas.close();
    const encoded = encodeNamed([...garden, { name: 'Class', value: 'engawa-strict' }]);
    if (!answer.ok || !encoded.ok) throw new Error(JSON.stringify([answer, encoded]));
    const shown = (attributes: readonly Attribute[]) =>
      sorted(decodeNamed(attributes).map(({ name, tag, value }) => `${name}:${tag ?? ''} ${value}`));
    const plan = ['Class: 0x706c616e2d636c617373', 'Cisco-AVPair: ip:addr-pool=homes', 'Session-Timeout: 3600'];
    const rest = ['ERX-Service-Activate:1 internet', 'ERX-Service-Activate:2 tv'];
    expect(shown(answer.value.attributes)).toEqual(sorted([...shown(encoded.value), ...plan, ...rest]));
  });

  test('a line that is known by its circuit is found by it, whatever name it logs in with', async () => {
    await up();
    wanted.set('olt1/2/3:100', 'strict');
    const circuit = 'ADSL-Agent-Circuit-Id = "olt1/2/3:100"';
    const there = await askedLogin('whoever', 'NAS-Identifier = "bng-by-circuit"', circuit);
    expect(attributesIn(there.output)).toContain('Filter-Id = "wg-in"');
    const elsewhere = await askedLogin('olt1/2/3:100', 'NAS-Identifier = "bng-by-circuit"');
    expect(planOf(elsewhere)).toEqual(sorted(PLAN_ANSWER));
  });

  test('what tells NAS, port, circuit and home apart arrives too', async () => {
    const bodies: unknown[] = [];
    await up((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
        response.statusCode = 204;
        response.end();
      });
    });
    const full = ['NAS-Identifier = "bng \\"1\\""', 'NAS-IP-Address = 192.0.2.1', 'NAS-Port-Id = "eth 1/1:100"'];
    const home = ['Calling-Station-Id = "00:00:5e:00:53:01"', 'ADSL-Agent-Circuit-Id = "olt1 1/2/3:100"'];
    await askedLogin('ann', ...full, ...home);
    await askedLogin('ann', 'NAS-Port = 7');
    expect(bodies.slice(-2)).toEqual([
      {
        user: 'ann',
        nas: 'bng "1"',
        nasIp: '192.0.2.1',
        mac: '00:00:5e:00:53:01',
        port: 'eth 1/1:100',
        circuit: `0x${Buffer.from('olt1 1/2/3:100').toString('hex')}`, // octets to FreeRADIUS
      },
      // FreeRADIUS adds the source of the packet where the NAS names no address.
      { user: 'ann', nas: '', nasIp: '127.0.0.1', mac: '', port: '7', circuit: '' },
    ]);
  });
});
