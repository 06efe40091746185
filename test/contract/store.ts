// What every Store must do, whatever it is made of. One suite, run for each technology; `open` on the same place twice
// is a restart.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY } from '../../src/core/kernel/time.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import type { OutboundMessage, Store } from '../../src/flow/ports.ts';
import { verifyExport } from '../../src/protocols/tlog/verify.ts';
import {
  append,
  closed,
  draft,
  NOW,
  openCase,
  quarantined,
  sampleFile,
  sampleLine,
  sampleOutcome,
  sampleReport,
  sha256,
} from './store-samples.ts';

type Json = Record<string, unknown>;

export function storeContract(technology: string, open: (folder: string) => Promise<Store>): void {
  let folder: string;
  let store: Store;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engawa-store-'));
    store = await open(folder);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const restart = async () => {
    await store.close();
    store = await open(folder);
  };

  describe(`${technology}: reports and evidence`, () => {
    test('an accepted report comes back as it was, pending, before and after a restart', async () => {
      const rows = [sampleReport(3), sampleReport(1), sampleReport(2, { port: 1, extra: {} })];
      const answer = await store.acceptReports(sampleFile(), rows, []);
      expect(answer).toEqual({ accepted: rows.map((row) => row.id), duplicates: 0 });
      await restart();
      expect(await store.pendingReports(10)).toEqual(rows);
      expect(await store.pendingReports(2)).toEqual(rows.slice(0, 2));
      expect(await store.report(rows[0]!.id)).toEqual({ report: rows[0] });
      expect(await store.report('unknown')).toBeUndefined();
    });

    test('optional fields that are absent stay absent', async () => {
      const { port, protocol, destinationIp, destinationPort, ...bare } = sampleReport(1);
      await store.acceptReports(sampleFile(), [bare], []);
      expect(await store.pendingReports(1)).toEqual([bare]);
    });

    test('the same delivery again changes nothing, also when it changed its words, also inside one delivery', async () => {
      await store.acceptReports(sampleFile(), [sampleReport(1), sampleReport(2)], []);
      const again = [sampleReport(1, { family: 'other' }), sampleReport(2), sampleReport(3), sampleReport(3)];
      expect(await store.acceptReports(sampleFile(), again, [])).toEqual({
        accepted: [sampleReport(3).id],
        duplicates: 3,
      });
      expect(await store.pendingReports(9)).toEqual([sampleReport(1), sampleReport(2), sampleReport(3)]);
    });

    test('a decided report is no longer pending and carries its outcome', async () => {
      await store.acceptReports(sampleFile(), [sampleReport(1), sampleReport(2), sampleReport(3)], []);
      const { lineId, epoch, caseId, ...unattributed } = sampleOutcome(3, { attribution: 'none', decision: 'record' });
      await store.commit({ reportOutcomes: [sampleOutcome(1), unattributed] });
      expect((await store.pendingReports(9)).map((row) => row.id)).toEqual([sampleReport(2).id]);
      expect((await store.report(sampleReport(3).id))?.outcome).toEqual(unattributed);
      expect(await store.reportsOfCase('case-1', 5)).toEqual([{ report: sampleReport(1), outcome: sampleOutcome(1) }]);
      expect(await store.reportsOfLine('line-1', 1, NOW - 1, NOW)).toEqual([sampleReport(1)]);
      expect(await store.reportsOfLine('line-1', 1, NOW, NOW + 1)).toEqual([]);
      expect(await store.reportsOfLine('line-1', 2, NOW - 1, NOW)).toEqual([]);
    });

    test('a parked file is on record with its reason and becomes accepted when it is replayed', async () => {
      const parked = sampleFile({ state: 'parked', reason: 'header-unknown' });
      await store.acceptReports(parked, [], [{ line: 1, code: 'header-unknown', text: 'no column ip' }]);
      expect(await store.evidenceFiles({ state: 'parked', limit: 5 })).toEqual([parked]);
      await store.acceptReports(sampleFile(), [sampleReport(1)], []);
      expect(await store.evidenceFiles({ state: 'parked', limit: 5 })).toEqual([]);
      expect(await store.evidenceFile(parked.hash)).toEqual(sampleFile());
      expect(await store.evidenceFile('unknown')).toBeUndefined();
    });
  });

  describe(`${technology}: cases`, () => {
    test('events and fold come back; the version counts the events', async () => {
      const change = openCase('case-1');
      expect(await store.commit({ cases: [change] })).toMatchObject({ ok: true });
      await restart();
      expect(await store.case('case-1')).toEqual(change.folded);
      expect(await store.caseEvents('case-1')).toEqual(
        change.events.map((one, i) => ({ ...one, caseId: 'case-1', version: i + 1 })),
      );
      expect(await store.case('unknown')).toBeUndefined();
    });

    test('an append to another version than the stored one is a conflict, and nothing of that change happens', async () => {
      const first = openCase('case-1');
      await store.commit({ cases: [first] });
      const change = append(first.folded, [{ type: 'portal-seen' }]);
      const rival = append(first.folded, [closed]);
      const [a, b] = await Promise.all([
        store.commit({ cases: [change] }),
        store.commit({ cases: [rival], settings: { leaked: true }, audit: [draft('leaked', { caseId: 'case-1' })] }),
      ]);
      expect(a.ok).toBe(true);
      expect(b).toEqual({ ok: false, error: { kind: 'conflict', caseId: 'case-1' } });
      expect(await store.case('case-1')).toEqual(change.folded);
      expect(await store.caseEvents('case-1')).toHaveLength(3);
      expect(await store.setting('leaked')).toBeUndefined();
      expect(JSON.stringify(await store.auditOfCase('case-1'))).not.toContain('leaked');
    });

    test('a second open case for the same line and family is a conflict; a closed one makes room', async () => {
      const first = openCase('case-1');
      await store.commit({ cases: [first] });
      const second = openCase('case-2');
      expect(await store.commit({ cases: [second] })).toMatchObject({ error: { kind: 'conflict', caseId: 'case-2' } });
      await store.commit({ cases: [append(first.folded, [closed])] });
      expect(await store.commit({ cases: [second] })).toMatchObject({ ok: true });
    });

    test('a check code belongs to one case', async () => {
      await store.commit({ cases: [openCase('case-1', { checkCode: '7K2M9QXA' })] });
      const clash = openCase('case-2', { checkCode: '7K2M9QXA', lineId: 'line-2' });
      expect(await store.commit({ cases: [clash] })).toMatchObject({ error: { kind: 'conflict', caseId: 'case-2' } });
      expect((await store.cases({ checkCode: '7K2M9QXA' })).map((one) => one.id)).toEqual(['case-1']);
      expect(await store.cases({ checkCode: '00000000' })).toEqual([]);
    });

    test('cases are found by line, state and openness, page by page', async () => {
      for (const n of [1, 2, 3]) await store.commit({ cases: [openCase(`case-${n}`, { lineId: `line-${n}` })] });
      await store.commit({ cases: [append(await store.case('case-2'), [closed])] });
      const ids = async (query: Parameters<Store['cases']>[0]) => (await store.cases(query)).map((one) => one.id);
      expect(await ids({ open: true })).toEqual(['case-1', 'case-3']);
      expect(await ids({ open: false })).toEqual(['case-2']);
      expect(await ids({ state: 'closed' })).toEqual(['case-2']);
      expect(await ids({ lineId: 'line-3', epoch: 1 })).toEqual(['case-3']);
      expect(await ids({ lineId: 'line-3', epoch: 2 })).toEqual([]);
      expect(await ids({ limit: 2 })).toEqual(['case-1', 'case-2']);
      expect(await ids({ limit: 2, afterId: 'case-2' })).toEqual(['case-3']);
    });

    test('cases are listed newest first or by whose turn it is, and open ones are counted whole', async () => {
      for (const n of [1, 2, 3]) await store.commit({ cases: [openCase(`case-${n}`, { lineId: `line-${n}` })] });
      await store.commit({ cases: [append(await store.case('case-2'), [closed])] });
      const list = await store.cases({ newestFirst: true, limit: 2 });
      expect(list.map((one) => one.id)).toEqual(['case-3', 'case-2']);
      const first = (await store.case('case-1'))!;
      expect((await store.cases({ open: true, turn: first.turn })).map((one) => one.id)).toEqual(['case-1', 'case-3']);
      expect(await store.cases({ open: true, turn: 'support' })).toEqual([]);
      expect(await store.openCaseCounts()).toEqual({ states: { [first.state]: 2 }, waitForSupport: 0 });
    });

    test('the history of a line is newest first, open cases apart, customers apart', async () => {
      const old = append(openCase('case-1').folded, [closed]);
      const opened = openCase('case-1');
      await store.commit({ cases: [opened] });
      await store.commit({ cases: [old] });
      const later = openCase('case-2', { family: 'qsnatch' });
      const folded = { ...later.folded, openedAt: NOW + 1 };
      await store.commit({ cases: [{ ...later, folded }, openCase('case-3', { epoch: 2 })] });
      expect((await store.casesOfLine('line-1', 1)).map((one) => one.id)).toEqual(['case-2', 'case-1']);
      expect((await store.openCasesOfLine('line-1', 1)).map((one) => one.id)).toEqual(['case-2']);
    });

    test('the wanted state is the strictest over the open cases of each line', async () => {
      await store.commit({
        cases: [
          openCase('case-1', {}, [quarantined('leaky')]),
          openCase('case-2', { family: 'qsnatch' }),
          openCase('case-3', { lineId: 'line-2' }, []),
          openCase('case-4', { lineId: 'line-3' }),
        ],
      });
      await store.commit({ cases: [append(await store.case('case-4'), [closed])] });
      await restart();
      expect(await store.wantedLines()).toEqual([
        { lineId: 'line-1', epoch: 1, access: 'strict', families: ['mirai', 'qsnatch'] },
      ]);
    });
  });

  describe(`${technology}: lines`, () => {
    test('a line comes back as it was and is found by access key, customer number and phone, exactly', async () => {
      const { email, phone, language, termsVersion, ...bare } = sampleLine(2, { staticPrefixes: [] });
      await store.commit({ lines: [sampleLine(1), bare] });
      await restart();
      expect(await store.line('line-1')).toEqual(sampleLine(1));
      expect(await store.line('line-2')).toEqual(bare);
      expect(await store.lineByAccessKey('user-1')).toEqual(sampleLine(1));
      expect(await store.linesBy({ customerNo: 'C-1001' })).toEqual([sampleLine(1)]);
      expect(await store.linesBy({ phone: sampleLine(1).phone! })).toEqual([sampleLine(1)]);
      expect(await store.linesBy({ phone: '+8150' })).toEqual([]);
      expect(await store.linesBy({})).toEqual([]);
      expect(await store.lineCount()).toBe(2);
    });

    test('counts the lines that have a contract: those that ended give the breaker no room', async () => {
      await store.commit({ lines: [sampleLine(1), sampleLine(2), sampleLine(3, { contract: 'ended' })] });
      expect(await store.lineCount()).toBe(2);
    });

    test('an upsert replaces the line, clears what is absent, and follows the access key', async () => {
      await store.commit({ lines: [sampleLine(1)] });
      const { phone, ...next } = sampleLine(1, { epoch: 2, accessKey: 'user-9', customerNo: 'C-9' });
      expect((await store.lineByAccessKey('user-1'))?.epoch).toBe(1);
      expect(await store.lineByAccessKey('user-9')).toBeUndefined();
      await store.commit({ lines: [next] });
      expect(await store.line('line-1')).toEqual(next);
      expect(await store.lineByAccessKey('user-1')).toBeUndefined();
      expect(await store.lineByAccessKey('user-9')).toEqual(next);
      expect(await store.lineCount()).toBe(1);
    });

    test('an access key that two active lines claim names neither; an ended line does not count beside an active one', async () => {
      const ended = sampleLine(3, { accessKey: 'user-1', contract: 'ended' });
      await store.commit({ lines: [sampleLine(1), ended] });
      expect((await store.lineByAccessKey('user-1'))?.id).toBe('line-1');
      await store.commit({ lines: [sampleLine(2, { accessKey: 'user-1' })] });
      expect(await store.lineByAccessKey('user-1')).toBeUndefined();
    });

    test('a line never goes back to an earlier customer', async () => {
      await store.commit({ lines: [sampleLine(1, { epoch: 2 })] });
      await expect(store.commit({ lines: [sampleLine(1)] })).rejects.toThrow('epoch');
    });

    test('all lines are walked once, however many', async () => {
      await store.commit({ lines: Array.from({ length: 1200 }, (_, i) => sampleLine(i)) });
      const ids = new Set<string>();
      for await (const line of store.allLines()) ids.add(line.id);
      expect(ids.size).toBe(1200);
    });
  });

  describe(`${technology}: work in hand`, () => {
    test('an enforcement record is replaced by the next one for the same line, gateway and prefix', async () => {
      const prefix = parsePrefix('2001:db8:7::/56')!;
      const intent = { gateway: 'bng-1', lineId: 'line-1', prefix, access: 'strict', intentAt: NOW } as const;
      await store.commit({ enforcement: [intent, { ...intent, gateway: 'bng-2', failure: 'timeout' }] });
      await store.commit({ enforcement: [{ ...intent, ackedAt: NOW + 1, confirmedAt: NOW + 2 }] });
      await restart();
      expect(await store.enforcement('line-1')).toEqual([
        { ...intent, ackedAt: NOW + 1, confirmedAt: NOW + 2 },
        { ...intent, gateway: 'bng-2', failure: 'timeout' },
      ]);
      expect(await store.enforcement('line-2')).toEqual([]);
    });

    test('timers fire in order of their due time; arming again moves them; disarming ends them', async () => {
      const timer = (key: string, dueAt: number) => ({ kind: 'expire', key, dueAt });
      await store.commit({ arm: [timer('a', NOW + 2), timer('b', NOW + 1), timer('c', NOW + 9)] });
      await restart();
      expect(await store.dueTimers(NOW + 5, 9)).toEqual([timer('b', NOW + 1), timer('a', NOW + 2)]);
      expect(await store.dueTimers(NOW + 5, 1)).toEqual([timer('b', NOW + 1)]);
      await store.commit({ arm: [timer('b', NOW + 20)], disarm: [{ kind: 'expire', key: 'a' }] });
      expect(await store.dueTimers(NOW + 10, 9)).toEqual([timer('c', NOW + 9)]);
      const moved = { arm: [timer('c', NOW + 30)], disarm: [{ kind: 'expire', key: 'c' }] };
      await store.commit(moved);
      expect(await store.dueTimers(NOW + 30, 9)).toEqual([timer('b', NOW + 20), timer('c', NOW + 30)]);
    });

    test('settings, pages and messages survive a restart', async () => {
      const html = '<!doctype html><p>同意します — «ok»</p>'.repeat(50);
      const message: OutboundMessage = {
        id: 'm-1',
        caseId: 'case-1',
        lineId: 'line-1',
        channel: 'email',
        template: 'noticed',
        language: 'ja',
        dueAt: NOW,
        attempts: 0,
        state: 'waiting',
      };
      await store.commit({
        settings: { hold: { on: true, by: 'op-1' }, n: 0 },
        pages: [{ hash: sha256(html), html }],
        messages: [message, { ...message, id: 'm-2', dueAt: NOW + 1 }],
      });
      await restart();
      expect(await store.setting('hold')).toEqual({ on: true, by: 'op-1' });
      expect(await store.setting('n')).toBe(0);
      expect(await store.setting('unknown')).toBeUndefined();
      expect(await store.page(sha256(html))).toBe(html);
      expect(await store.page('unknown')).toBeUndefined();
      expect(await store.dueMessages(NOW, 9)).toEqual([message]);
      await store.commit({ messages: [{ ...message, attempts: 1, dueAt: NOW + 5 }] });
      expect((await store.dueMessages(NOW + 9, 9)).map((one) => one.id)).toEqual(['m-2', 'm-1']);
      await store.commit({ messages: [{ ...message, attempts: 2, state: 'sent' }] });
      expect((await store.dueMessages(NOW + 9, 9)).map((one) => one.id)).toEqual(['m-2']);
    });

    test('a page under another hash than its own is refused: a consent must name the very page', async () => {
      await expect(store.commit({ pages: [{ hash: sha256('a'), html: 'b' }] })).rejects.toThrow('SHA-256');
    });

    test('a used token refuses the whole change, also in the same instant', async () => {
      const useTokens = [{ id: 't-1', expiresAt: NOW + 1000 }];
      const [first, second] = await Promise.all([
        store.commit({ useTokens, settings: { first: 1 } }),
        store.commit({ useTokens, settings: { second: 1 }, audit: [draft('second')] }),
      ]);
      expect(first.ok).toBe(true);
      expect(second).toEqual({ ok: false, error: { kind: 'token-used' } });
      expect(await store.setting('second')).toBeUndefined();
    });

    test('a journal entry acts once: imported again, its change does nothing', async () => {
      await store.commit({ journalIds: ['j-1'], settings: { times: 1 }, audit: [draft('released')] });
      await restart();
      const again = { journalIds: ['j-1'], settings: { times: 2 }, audit: [draft('released')] };
      expect(await store.commit(again)).toEqual({ ok: true, value: { auditSequence: 1 } });
      expect(await store.setting('times')).toBe(1);
      expect(await store.commit({ journalIds: ['j-2'], settings: { times: 3 } })).toMatchObject({ ok: true });
      expect(await store.setting('times')).toBe(3);
    });

    test('a journal entry acts on each case of its line once, each in a change of its own', async () => {
      const [first, second] = [openCase('case-1'), openCase('case-2', { family: 'qsnatch' })];
      await store.commit({ cases: [first, second] });
      const journalIds = ['j-1'];
      for (const one of [first, second])
        expect(await store.commit({ cases: [append(one.folded, [closed])], journalIds })).toMatchObject({ ok: true });
      expect(await store.openCasesOfLine('line-1', 1)).toEqual([]);
      const reread = append(await store.case('case-1'), [{ type: 'portal-seen' }]);
      expect(await store.commit({ cases: [reread], journalIds })).toMatchObject({ ok: true });
      expect((await store.case('case-1'))?.version).toBe(3);
    });
  });

  describe(`${technology}: audit`, () => {
    test('entries have one global sequence and point to the one before in their case', async () => {
      const change = openCase('case-1');
      const drafts = [draft('lines-imported'), draft('case-opened', { caseId: 'case-1' })];
      expect(await store.commit({ cases: [change], audit: drafts })).toMatchObject({ value: { auditSequence: 2 } });
      await store.commit({ audit: [draft('unrelated')] });
      await store.commit({ cases: [append(change.folded, [{ type: 'portal-seen' }])] });
      const entries = (await store.auditOfCase('case-1')) as Json[];
      expect(entries).toMatchObject([
        { sequence: 2, action: 'case-opened', events: { from: 1, to: 2 } },
        { sequence: 4, action: 'portal-seen', events: { from: 3, to: 3 }, previousInCase: 2 },
      ]);
      expect(entries[0]).not.toHaveProperty('previousInCase');
    });

    test('an export verifies, again after a restart, and continues an earlier checkpoint', async () => {
      await store.commit({ cases: [openCase('case-1')] });
      const first = join(folder, 'export-1');
      const { size, root } = await store.exportAudit(first, NOW);
      expect(await verifyExport(first)).toMatchObject({ ok: true, value: { size, root } });
      await restart();
      await store.commit({ audit: [draft('hold-on')], pages: [{ hash: sha256('page'), html: 'page' }] });
      const second = join(folder, 'export-2');
      expect(await store.exportAudit(second, NOW)).toMatchObject({ size: 2 });
      const earlier = await readFile(join(first, 'checkpoint'), 'utf8');
      expect(await verifyExport(second, { earlier })).toMatchObject({ ok: true, value: { size: 2, pages: 1 } });
      await expect(store.exportAudit(second, NOW)).rejects.toThrow('not empty');
    });

    test('P10: contact data is nowhere in the log, even where a caller was careless', async () => {
      const line = sampleLine(1, { customerNo: 'CANARY-CUSTOMER', accessKey: 'canary-user' });
      const detail = {
        said: `call ${line.phone} or ${line.email}`,
        no: line.customerNo,
        key: [line.accessKey],
        id: line.id,
      };
      const about = { lineId: line.id, epoch: 1 };
      await store.commit({
        lines: [line],
        audit: [draft('careless', { line: about, detail }), draft('next', { line: about })],
      });
      const target = join(folder, 'export');
      await store.exportAudit(target, NOW);
      const log = await readFile(join(target, 'log.jsonl'), 'utf8');
      for (const secret of [line.phone!, line.email!, line.customerNo, line.accessKey, line.id])
        expect(log).not.toContain(secret);
      const [first, second] = log
        .split('\n')
        .slice(0, 2)
        .map((text) => JSON.parse(text) as Json);
      expect(first!['line']).toMatch(/^[0-9a-f]{32}$/);
      expect(second!['line']).toBe(first!['line']);
    });
  });

  describe(`${technology}: purge`, () => {
    test('what is past its retention goes; what is undecided or open stays', async () => {
      await store.acceptReports(sampleFile(), [sampleReport(1), sampleReport(2)], [{ line: 9, code: 'x', text: 'y' }]);
      await store.commit({ reportOutcomes: [sampleOutcome(1)], useTokens: [{ id: 't', expiresAt: NOW }] });
      await store.commit({ cases: [openCase('case-1'), openCase('case-2', { lineId: 'line-2' })] });
      await store.commit({ cases: [append(await store.case('case-2'), [closed])] });
      expect(await store.purge(NOW + 29 * DAY)).toMatchObject({ reports: 0, refusedRows: 0, cases: 0, tokens: 1 });
      expect(await store.purge(NOW + 31 * DAY)).toMatchObject({ reports: 0, refusedRows: 1 });
      expect(await store.purge(NOW + 181 * DAY)).toMatchObject({ reports: 1, cases: 1 });
      expect((await store.pendingReports(9)).map((row) => row.id)).toEqual([sampleReport(2).id]);
      expect((await store.case('case-1'))?.id).toBe('case-1');
      expect(await store.case('case-2')).toBeUndefined();
      expect(await store.caseEvents('case-2')).toEqual([]);
    });

    test('contact data goes with the cases of a customer who left; the line and its epoch stay', async () => {
      await store.commit({ lines: [sampleLine(1, { contract: 'ended' }), sampleLine(2)] });
      expect(await store.purge(NOW)).toMatchObject({ contacts: 0 });
      expect(await store.purge(NOW + 179 * DAY)).toMatchObject({ contacts: 0 });
      expect(await store.purge(NOW + 181 * DAY)).toMatchObject({ contacts: 1 });
      const left = await store.line('line-1');
      expect(left).toMatchObject({ id: 'line-1', epoch: 1, contract: 'ended', customerNo: '' });
      expect([left?.email, left?.phone, left?.language]).toEqual([undefined, undefined, undefined]);
      expect(await store.line('line-2')).toEqual(sampleLine(2));
    });

    test('a contract that began again before that keeps its contact data', async () => {
      await store.commit({ lines: [sampleLine(1, { contract: 'ended' })] });
      await store.purge(NOW);
      await store.commit({ lines: [sampleLine(1)] });
      expect(await store.purge(NOW + 400 * DAY)).toMatchObject({ contacts: 0 });
      expect(await store.line('line-1')).toEqual(sampleLine(1));
    });

    test('old audit entries go after three years, and the log still verifies and says so', async () => {
      const html = 'an old page';
      await store.commit({ audit: [draft('old'), draft('older')], pages: [{ hash: sha256(html), html }] });
      await store.commit({ audit: [draft('kept', { at: NOW + 1000 * DAY })] });
      const later = NOW + 1100 * DAY;
      expect(await store.purge(later)).toMatchObject({ auditEntries: 2, pages: 1 });
      expect(await store.purge(later)).toMatchObject({ auditEntries: 0, pages: 0 });
      await restart();
      const target = join(folder, 'export');
      expect(await store.exportAudit(target, later)).toMatchObject({ size: 4 });
      expect(await verifyExport(target)).toMatchObject({ ok: true, value: { size: 4, pruned: 2 } });
    });
  });
}
