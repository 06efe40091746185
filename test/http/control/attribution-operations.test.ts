// The engineer at the desk: what could not be attributed, the fact that was missing, and the way back from a mistake.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSharing } from '../../../src/config/sharing.ts';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { OperationRefused } from '../../../src/flow/operations.ts';
import type { Json } from '../../../src/flow/ports.ts';
import { attributionOperations } from '../../../src/http/control/attribution-operations.ts';
import { caseOperations } from '../../../src/http/control/case-operations.ts';
import { ip } from '../../core/line/records.ts';
import { lineOf, type Process, policyOf, rule, session, World } from '../../flow/world.ts';

type Row = Readonly<Record<string, Json>>;

const SHARED = '192.0.2.100';
const RULES = `rules:
  - id: map-1
    kind: map-e
    ipv6Prefix: 2001:db8:100::/40
    ipv4Prefix: 192.0.2.96/28
    eaLength: 12
    psidOffset: 6
    layout: rfc7597
`;

let world: World;
let house: Process;
beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann'), lineOf('bob'));
  await house.start();
});
afterEach(() => world.end());

const context = (body?: string) => ({
  by: 'erin',
  signal: new AbortController().signal,
  progress: () => {},
  ...(body === undefined ? {} : { body: Buffer.from(body) }),
});

async function order(name: string, input: Row = {}, body?: string): Promise<Row> {
  const operations = {
    ...attributionOperations(house.flow, {
      readSharing: (text, file) => {
        const read = loadSharing({ text, file, read: () => new Uint8Array() });
        return read.ok ? { ok: true, rules: read.value } : { ok: false, text: JSON.stringify(read.error) };
      },
    }),
    ...caseOperations(house.flow),
  };
  return (await operations[name]!(input, context(body))) as Row;
}

const audited = (action: string) =>
  house.store.database.read
    .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
    .map((row) => JSON.parse(row.entry) as { action: string; detail?: Row })
    .filter((one) => one.action === action);

describe('who', () => {
  it('answers with line, evidence and certainty', async () => {
    await house.online('ann', '192.0.2.70');
    const answer = await order('who', { address: '192.0.2.70', at: formatInstant(world.now - MINUTE) });
    expect(answer).toMatchObject({
      kind: 'unique',
      line: { id: 'line-ann', class: 'home', protected: false, contract: 'active' },
      binding: { source: 'accounting', nas: 'bng1', prefix: '192.0.2.70', closedBy: null },
      via: [],
    });
  });

  it('says why it names nobody', async () => {
    const answer = await order('who', { address: '192.0.2.70', at: formatInstant(world.now) });
    expect(answer).toMatchObject({ kind: 'none', reason: 'no-holder', line: null, candidates: [] });
    expect(await order('who', { address: '203.0.113.9', at: formatInstant(world.now) })).toMatchObject({
      kind: 'not-ours',
    });
  });

  it.each([
    [{ address: '010.0.0.1', at: '2026-11-20T12:00:00Z' }, 'address-invalid'],
    [{ address: '192.0.2.1', at: '2026-11-20 12:00:00' }, 'time-invalid'],
    [{ address: '192.0.2.1', at: '2026-11-20T12:00:00Z', port: 0 }, 'port-invalid'],
    [{ address: '192.0.2.1', at: '2026-11-20T12:00:00Z', protocol: 'sctp' }, 'input-invalid'],
  ])('refuses what it cannot read: %j', async (input, code) => {
    const refused = await order('who', input).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OperationRefused);
    expect((refused as OperationRefused).problem.code).toBe(code);
  });
});

describe('the desk', () => {
  /** MAP-E: the port tells which /52 inside the rule's /40. */
  const home = '2001:db8:144:2000::/52';
  const port = 1024 + 0x42 * 4;
  const bot = { ip: ip(SHARED), port, destinationPort: 23 } as const;

  it('lists what names nobody, takes the missing rule, and what is unique then acts like any report', async () => {
    await house.online('ann', home, '2001:db8:100:100::/56');
    await house.report(bot);
    expect(await house.cases('ann')).toEqual([]);
    const before = await order('desk.list');
    expect(before['counts']).toEqual([{ source: 'honeypot.example', kind: 'none', reason: 'no-holder', count: 1 }]);
    expect(before['reports']).toMatchObject([
      { address: SHARED, port, kind: 'none', now: { kind: 'none' }, candidates: [] },
    ]);

    expect(await order('sharing.load', { name: 'sharing.yaml' }, RULES)).toMatchObject({ rules: 1, changed: true });
    expect(await order('sharing.load', { name: 'sharing.yaml' }, RULES)).toMatchObject({ changed: false });
    const now = (await order('desk.list'))['reports'] as readonly Row[];
    expect(now[0]).toMatchObject({ now: { kind: 'unique' }, candidates: ['line-ann'] });

    expect(await order('desk.rerun', { reason: 'the VNE sent its rule' })).toEqual({
      asked: 1,
      resolved: 1,
      stillOpen: 0,
    });
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined', reports: 1 });
    expect((await order('desk.list'))['reports']).toEqual([]);
    expect(audited('reports-attributed-again')[0]!.detail).toMatchObject({
      reports: 1,
      reason: 'the VNE sent its rule',
    });
    expect(audited('sharing-rules-given')).toHaveLength(1);
    expect(await house.store.auditTables()).toEqual([]);
  });

  it('goes by the rules that were loaded after a restart too', async () => {
    await order('sharing.load', { name: 'sharing.yaml' }, RULES);
    const { version } = await order('sharing.show');
    await house.end();
    house = await world.process();
    await house.flow.facts.load();
    // Nothing here parses what was kept: said, not guessed.
    expect(house.flow.facts.sharing().version).toBe('none');
    expect(house.flow.facts.history().map((one) => one.version)).toEqual([version]);
  });

  it('refuses rules with a fault, whole', async () => {
    await expect(order('sharing.load', { name: 'x' }, RULES.replace('eaLength: 12', 'eaLength: 70'))).rejects.toThrow(
      'not valid',
    );
    expect((await order('sharing.show'))['rules']).toEqual([]);
  });

  it('filters by kind, reason, source and time, and pages', async () => {
    await house.report({ ip: ip('192.0.2.71') }, { ip: ip('192.0.2.72'), source: 'other.example' });
    const list = async (input: Row) =>
      ((await order('desk.list', input))['reports'] as readonly Row[]).map((one) => one['address']);
    expect(await list({})).toEqual(['192.0.2.72', '192.0.2.71']);
    expect(await list({ source: 'other.example' })).toEqual(['192.0.2.72']);
    expect(await list({ kind: 'stale' })).toEqual([]);
    expect(await list({ code: 'no-holder' })).toHaveLength(2);
    expect(await list({ since: formatInstant(world.now + HOUR) })).toEqual([]);
    const first = await order('desk.list', { limit: 1 });
    expect(await list({ before: first['next']! })).toEqual(['192.0.2.71']);
  });

  it('never makes old news act: what is resolved after 72 h stays without consequence', async () => {
    await house.online('ann', home);
    await house.report(bot);
    world.pass(4 * DAY);
    await order('sharing.load', { name: 'sharing.yaml' }, RULES);
    expect(await order('desk.rerun', { reason: 'late' })).toMatchObject({ resolved: 1 });
    await house.settle();
    expect(await house.cases('ann')).toEqual([]);
  });
});

describe('a report that cannot be asked about', () => {
  it('waits, and holds up nobody else', async () => {
    await house.online('ann', '192.0.2.70');
    await house.accept({ ip: ip('192.0.2.99') }, {});
    const { holders } = house.bindings;
    house.bindings.holders = async (realm, asked, fromAt, toAt) => {
      if (asked.bytes[3] === 99) throw new Error('no answer for this one');
      return holders.call(house.bindings, realm, asked, fromAt, toAt);
    };
    await expect(house.flow.decider.run()).rejects.toThrow('this one');
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
    expect(await house.store.pendingReports(10)).toHaveLength(1);
    house.bindings.holders = holders;
  });
});

describe('a rule that was wrong', () => {
  it('frees whom it named as soon as the right one is loaded', async () => {
    const home = '2001:db8:144:2000::/52';
    await house.online('ann', home, '2001:db8:100:100::/56');
    await order('sharing.load', { name: 'sharing.yaml' }, RULES);
    await house.report({ ip: ip(SHARED), port: 1024 + 0x42 * 4 });
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
    // With offset 4 the first 4096 ports are nobody's.
    await order('sharing.load', { name: 'sharing.yaml' }, RULES.replace('psidOffset: 6', 'psidOffset: 4'));
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
    expect(await house.element('2001:db8:100:100::/56')).toBe('absent');
  });
});

describe('a garden over a shared address', () => {
  const home = '2001:db8:144:2000::/52';
  const bot = { ip: ip(SHARED), port: 1024 + 0x42 * 4 };
  const rulesOf = (text: string) => {
    const read = loadSharing({ text, file: 'sharing.yaml', read: () => new Uint8Array() });
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    return read.value;
  };

  it('stands when the records of then are gone: what is purged names nobody else', async () => {
    await house.online('ann', home, '2001:db8:100:100::/56');
    await order('sharing.load', { name: 'sharing.yaml' }, RULES);
    await house.report(bot);
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
    world.pass(40 * DAY);
    await house.bindings.purge(world.now);
    await order('sharing.load', { name: 'sharing.yaml' }, `# read again\n${RULES}`);
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
  });

  it('goes when the rule by which it came is another after a restart, however long it has stood', async () => {
    await house.end();
    house = await world.process({ sharing: rulesOf(RULES) });
    await house.start();
    await house.online('ann', home, '2001:db8:100:100::/56');
    await house.report(bot);
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
    world.pass(3 * DAY);
    await house.end();
    house = await world.process({ sharing: rulesOf(RULES.replace('psidOffset: 6', 'psidOffset: 4')) });
    await house.start();
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
  });

  it('goes when a rule says that several lines had the address, and the report told no port', async () => {
    await house.online('ann', SHARED, '2001:db8:100:100::/56');
    await house.report({ ip: ip(SHARED) });
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
    await order('sharing.load', { name: 'sharing.yaml' }, RULES);
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
  });
});

describe('a clock put right', () => {
  it('A04: moves what a NAS said, and back again when it is taken back', async () => {
    // Its clock was an hour behind: the session seemed to end before the observation.
    const late = world.now - HOUR;
    await house.record(
      session('start', 'ann', late - 30 * MINUTE, ['192.0.2.70']),
      session('interim', 'ann', late - 5 * MINUTE, ['192.0.2.70']),
      session('stop', 'ann', late + 5 * MINUTE, ['192.0.2.70'], { startAt: late - 30 * MINUTE }),
    );
    const asked = { address: '192.0.2.70', at: formatInstant(world.now - 10 * MINUTE) };
    expect(await order('who', asked)).toMatchObject({ kind: 'none' });
    const span = { from: formatInstant(late - DAY), to: formatInstant(late + DAY) };
    const given = await order('clock.correct', {
      of: 'nas',
      name: 'bng1',
      offsetMs: HOUR,
      ...span,
      reason: 'NTP was off',
    });
    expect(await order('who', asked)).toMatchObject({ kind: 'unique', line: { id: 'line-ann' } });
    expect((await order('clock.corrections'))['corrections']).toMatchObject([
      { name: 'bng1', by: 'erin', offsetMs: HOUR },
    ]);
    await order('clock.take-back', { id: given['id']! });
    expect(await order('who', asked)).toMatchObject({ kind: 'none' });
    expect(audited('clock-corrected')).toHaveLength(1);
  });

  it('keeps both of two that are given at one time', async () => {
    const span = { from: formatInstant(world.now - DAY), to: formatInstant(world.now) };
    const one = (name: string) => order('clock.correct', { of: 'nas', name, offsetMs: HOUR, ...span, reason: 'NTP' });
    await Promise.all([one('bng1'), one('bng2')]);
    const given = (await order('clock.corrections'))['corrections'] as readonly Row[];
    expect(given.map((row) => row['name'])).toEqual(['bng1', 'bng2']);
  });

  it('moves what a feed said: holder and age are those of the true time', async () => {
    await house.online('ann', '192.0.2.70');
    const span = { from: formatInstant(world.now - DAY), to: formatInstant(world.now + DAY) };
    await order('clock.correct', { of: 'feed', name: 'honeypot.example', offsetMs: 9 * HOUR, ...span, reason: 'JST' });
    await house.report({ observedAt: world.now - 9 * HOUR - MINUTE });
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
  });

  it.each([
    [{ offsetMs: 0 }, 'offset-invalid'],
    [{ offsetMs: 27 * HOUR }, 'offset-invalid'],
    [{ to: '2026-11-18T00:00:00Z' }, 'span-invalid'],
  ])('refuses %j', async (change, code) => {
    const input = {
      of: 'nas',
      name: 'bng1',
      offsetMs: 1000,
      from: '2026-11-19T00:00:00Z',
      to: '2026-11-20T00:00:00Z',
      reason: 'x',
      ...change,
    };
    const refused = await order('clock.correct', input).catch((error: unknown) => error);
    expect((refused as OperationRefused).problem.code).toBe(code);
  });
});

describe('the wrong line', () => {
  it('is freed in one act, with an apology on record, and all that rested on the same binding is named', async () => {
    await house.online('ann', '192.0.2.70');
    await house.report({}, { family: 'qsnatch' });
    const [first, second] = await house.cases('ann');
    expect(await house.element('192.0.2.70')).toBe('strict');
    const answer = await order('case.wrong-line', { find: first!.id, reason: 'the cabinet was mislabelled' });
    expect(answer['case']).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
    expect(answer['others']).toEqual([
      expect.objectContaining({ lineId: 'line-ann', caseId: second!.id, isOpen: true, decision: 'strict' }),
    ]);
    await order('case.wrong-line', { find: second!.id, reason: 'the same', apology: 'We are sorry.' });
    await house.settle();
    expect(await house.element('192.0.2.70')).toBe('absent');
    expect(await house.store.page((answer['apology'] as Row)['hash'] as string)).toContain('apology');
    await house.flow.messenger.sendDue(new AbortController().signal);
    expect(world.mails.map((mail) => mail.subject)).toContain('apology');
    expect(world.mails.map((mail) => mail.subject)).not.toContain('released');
  });

  it('names what rested on the same session, though its records round its beginning differently', async () => {
    const began = world.now - HOUR;
    const said = (startAt: number) =>
      session('interim', 'ann', world.now, ['192.0.2.70'], { sessionId: 's1', startAt });
    await house.record(
      session('start', 'ann', began, ['192.0.2.70'], { sessionId: 's1', startAt: began }),
      said(began),
    );
    await house.report({});
    world.pass(10 * MINUTE);
    await house.record(said(began - 1000));
    await house.report({ family: 'qsnatch', observedAt: world.now - 2 * MINUTE });
    const [first, second] = await house.cases('ann');
    const answer = await order('case.wrong-line', { find: first!.id, reason: 'the cabinet was mislabelled' });
    expect(answer['others']).toMatchObject([{ caseId: second!.id }]);
  });

  it('says nothing to a household that was never told anything', async () => {
    world.policy = policyOf({ rules: [rule({}, { do: 'watch' as never, waitMs: DAY })] });
    await house.online('ann', '192.0.2.70');
    await house.report({ class: 'attack-single-packet' });
    const [state] = await house.cases('ann');
    if (state !== undefined) await order('case.wrong-line', { find: state.id, reason: 'test' });
    await house.flow.messenger.sendDue(new AbortController().signal);
    expect(world.mails).toEqual([]);
  });
});

describe('the quality of a source', () => {
  it('F18: of which more than a fifth of the cases was the wrong line goes to review by itself, until a person lets it act', async () => {
    const keys = Array.from({ length: 14 }, (_, i) => `k${i}`);
    await house.lines(...keys.map((key) => lineOf(key)));
    world.policy = policyOf({ breaker: { ...world.policy.breaker, ceiling: 50, floor: 50 } as never });
    for (const [i, key] of keys.slice(0, 12).entries()) await house.online(key, `192.0.2.${70 + i}`);
    await house.report(...keys.slice(0, 12).map((_, i) => ({ ip: ip(`192.0.2.${70 + i}`) })));
    for (const key of keys.slice(0, 3)) {
      const [state] = await house.cases(key);
      await order('case.wrong-line', { find: state!.id, reason: 'wrong' });
    }
    const view = ((await order('feeds.quality'))['sources'] as readonly Row[]).find(
      (one) => one['name'] === 'honeypot.example',
    )!;
    expect(view).toMatchObject({ cases: 12, demoted: { reason: 'wrong-share' } });
    expect(world.log.lines.some((one) => one.startsWith('error SOURCE_DEMOTED'))).toBe(true);

    await house.online('k12', '192.0.2.90');
    await house.report({ ip: ip('192.0.2.90') });
    expect(await house.cases('k12')).toEqual([]);

    await order('feeds.restore', { name: 'honeypot.example', reason: 'their sensor was moved' });
    await house.online('k13', '192.0.2.91');
    await house.report({ ip: ip('192.0.2.91') });
    expect(await house.cases('k13')).toHaveLength(1);
    expect(audited('source-restored')).toHaveLength(1);
  });

  it('is kept over a restart, and counts what named no line per source and gateway', async () => {
    await house.report(
      ...Array.from({ length: 60 }, (_, i) => ({ ip: ip('192.0.2.75'), observedAt: world.now - i * 1000 })),
    );
    expect(house.flow.quality.isDemoted('honeypot.example')).toBe(true);
    await house.flow.quality.save();
    await house.end();
    house = await world.process();
    await house.flow.quality.load();
    expect(house.flow.quality.isDemoted('honeypot.example')).toBe(true);
    const gateway = house.flow.quality.alarms().map((one) => one.name);
    expect(gateway).toEqual(['honeypot.example', 'gateway bng1']);
  });

  it('F24: an empty file and silence demote and free nobody', async () => {
    await house.online('ann', '192.0.2.70');
    await house.report({});
    await house.report();
    world.pass(2 * DAY);
    expect(house.flow.quality.alarms()).toEqual([]);
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
  });

  it('a day far above the usual is told', async () => {
    for (let day = 0; day < 4; day++) {
      await house.report(...Array.from({ length: 4 }, () => ({ ip: ip('203.0.113.1') })));
      world.pass(DAY);
    }
    await house.report(...Array.from({ length: 90 }, () => ({ ip: ip('203.0.113.1') })));
    expect(house.flow.quality.alarms()).toMatchObject([{ name: 'honeypot.example', sudden: 23 }]);
  });
});
