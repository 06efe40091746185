// One suite for every Bindings: the fake and SQLite may not differ in what a line or a gateway gets to know.
import { beforeEach, describe, expect, it } from 'vitest';
import type { AccountingRecord } from '../../src/core/line/accounting.ts';
import type { Binding } from '../../src/core/line/binding.ts';
import type { Line } from '../../src/core/line/line.ts';
import { formatPrefix } from '../../src/core/net/prefix.ts';
import type { BindingChange, Bindings } from '../../src/flow/ports.ts';
import { at, ip, line, prefix, reset, said } from '../core/line/records.ts';

export interface BindingsUnderTest {
  readonly bindings: Bindings;
  readonly record: (batch: readonly AccountingRecord[]) => Promise<unknown>;
  readonly refreshStatic: (lines: readonly Line[]) => Promise<unknown>;
}

const A = '198.51.100.7';
const P = '2001:db8:aa00::/56';

export function bindingsContract(name: string, make: (now: () => number) => Promise<BindingsUnderTest>): void {
  describe(`bindings: ${name}`, () => {
    let minute = 0;
    let it_: BindingsUnderTest;
    let changes: BindingChange[];

    beforeEach(async () => {
      minute = 0;
      it_ = await make(() => at(minute));
      changes = [];
      it_.bindings.onChange((change) => changes.push(change));
    });

    const record = (...records: readonly AccountingRecord[]) => it_.record(records);
    const open = async (key: string) => prefixes(await it_.bindings.openOf(key));
    const holder = async (address: string) => (await it_.bindings.holderNow('main', ip(address)))?.accessKey;
    const endedNow = () =>
      changes.flatMap((one) => one.ended.map((end) => `${end.accessKey} ${formatPrefix(end.prefix)}`));

    it('knows who holds an address and an address inside a delegated prefix now', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A, P] }));
      expect(await open('ann')).toEqual([A, P]);
      expect(await holder(A)).toBe('ann');
      expect(await holder('2001:db8:aa00:ff::9')).toBe('ann');
      expect(await holder('2001:db8:aa01::9')).toBeUndefined();
      expect(changes.at(-1)).toMatchObject({ accessKeys: ['ann'], ended: [] });
    });

    it('keeps realms apart', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A] }));
      expect(await it_.bindings.holderNow('other', ip(A))).toBeUndefined();
      const holders = await it_.bindings.holders('other', ip(A), at(0), at(1));
      expect(holders.bindings).toEqual([]);
    });

    it('tells a Stop as ended, for the prefix it does not name too', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A] }));
      await record(said('interim', { key: 'ann', minute: 1, began: 0, addresses: [A, P] }));
      changes.length = 0;
      minute = 5;
      await record(said('stop', { key: 'ann', minute: 5, began: 0, addresses: [A] }));
      expect(endedNow().sort()).toEqual([`ann ${A}`, `ann ${P}`]);
      expect(await open('ann')).toEqual([]);
    });

    it('ends an address handed to a neighbour with the Stop lost in the act that records the Start', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A] }));
      minute = 5;
      await record(said('start', { key: 'bob', minute: 5, addresses: [A] }));
      expect(endedNow()).toEqual([`ann ${A}`]);
      expect(changes.at(-1)!.accessKeys.toSorted()).toEqual(['ann', 'bob']);
      expect(await holder(A)).toBe('bob');
    });

    it('ends a delegated prefix when part of it begins to be another line’s', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [P] }));
      minute = 5;
      await record(said('start', { key: 'bob', minute: 5, addresses: ['2001:db8:aa00:12::/64'] }));
      expect(endedNow()).toEqual([`ann ${P}`]);
      expect(await open('ann')).toEqual([]);
      expect(await holder('2001:db8:aa00:12::1')).toBe('bob');
    });

    it('does not end the prefix of a line that dialled in again', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A], session: 'one' }));
      minute = 5;
      await record(
        said('start', { key: 'ann', minute: 5, addresses: [A], session: 'two' }),
        said('stop', { key: 'ann', minute: 5, began: 0, addresses: [A], session: 'one' }),
      );
      expect(endedNow()).toEqual([]);
      expect(await open('ann')).toEqual([A]);
    });

    it('lets the old address go when a session names a new one', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A, P] }));
      minute = 5;
      await record(said('interim', { key: 'ann', minute: 5, began: 0, addresses: ['198.51.100.9', P] }));
      expect(endedNow()).toEqual([`ann ${A}`]);
      expect(await open('ann')).toEqual(['198.51.100.9', P]);
    });

    it('lets one of several prefixes go when the session names the others without it', async () => {
      const [p, q] = [P, '2001:db8:bb00::/56'];
      await record(said('start', { key: 'ann', minute: 0, addresses: [A, p, q] }));
      minute = 10;
      await record(said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A, p, q] }));
      expect(endedNow()).toEqual([]);
      minute = 20;
      await record(said('interim', { key: 'ann', minute: 20, began: 0, addresses: [A, q] }));
      expect(endedNow()).toEqual([`ann ${p}`]);
      expect(await open('ann')).toEqual([A, q]);
    });

    it('has the place of a record that is 24 h late in yesterday, and of its retransmission in the same', async () => {
      minute = 1440 + 600;
      const late = said('interim', { key: 'bob', minute: 600, began: 590, addresses: [A] });
      await record(said('start', { key: 'ann', minute: 2039, addresses: [A] }), late);
      await record({ ...late, eventAt: late.eventAt + 900 });
      expect(await holder(A)).toBe('ann');
      const { bindings } = await it_.bindings.holders('main', ip(A), at(599), at(601));
      expect(bindings.map((one) => one.accessKey)).toEqual(['bob']);
      expect(bindings[0]!.certainEndAt - bindings[0]!.certainFromAt!).toBe(900);
    });

    it('names the holder of a port of a shared address, and lets no line have the address itself', async () => {
      const outer = '192.0.2.1';
      await record(
        said('start', { key: 'ann', minute: 0, addresses: ['100.64.0.7'], blocks: [`${outer} 1024-2047`] }),
        said('start', { key: 'bob', minute: 0, blocks: [`${outer} 2048-3071`] }),
        said('start', { key: 'cid', minute: 0, addresses: [outer] }),
      );
      const blocks = async () => {
        const { bindings } = await it_.bindings.holders('main', ip(outer), at(minute), at(minute));
        return bindings.filter((one) => one.ports !== undefined).map((one) => `${one.accessKey} ${one.ports!.low}`);
      };
      expect((await blocks()).toSorted()).toEqual(['ann 1024', 'bob 2048']);
      expect(await holder(outer)).toBeUndefined();
      expect(await open('ann')).toEqual(['100.64.0.7']);
      expect((await it_.bindings.openOf('bob')).map((one) => one.ports)).toEqual([{ low: 2048, high: 3071 }]);
      expect(await open('cid')).toEqual([]);
      changes.length = 0;
      minute = 5;
      const freed = { key: 'ann', began: 0, addresses: ['100.64.0.7'], blocks: [`-${outer} 1024-2047`] };
      await record(said('interim', { ...freed, minute: 5 }));
      expect(changes.flatMap((one) => one.touched.map((place) => formatPrefix(place.prefix)))).toContain(outer);
      minute = 6;
      expect(await blocks()).toEqual(['bob 2048']);
    });

    it('ends every session of a NAS at Accounting-On, and none of another', async () => {
      await record(
        said('start', { key: 'ann', minute: 0, addresses: [A] }),
        said('start', { key: 'bob', minute: 0, addresses: ['198.51.100.9'], nas: 'bng2' }),
      );
      minute = 2;
      await record(reset(2));
      expect(endedNow()).toEqual([`ann ${A}`]);
      expect(await open('bob')).toEqual(['198.51.100.9']);
      await record(said('start', { key: 'ann', minute: 3, addresses: [A], session: 'new' }));
      minute = 3;
      expect(await open('ann')).toEqual([A]);
    });

    it('forgets an open session after two interim intervals, and says stale evidence to who asks', async () => {
      await record(said('start', { key: 'ann', minute: 0, addresses: [A] }));
      minute = 20;
      expect(await open('ann')).toEqual([A]);
      minute = 21;
      expect(await open('ann')).toEqual([]);
      expect(await holder(A)).toBeUndefined();
      const { bindings } = await it_.bindings.holders('main', ip(A), at(19), at(21));
      expect(bindings.map((one) => [one.closedBy, one.certainEndAt])).toEqual([['timeout', at(0)]]);
    });

    it('gives a record that is hours late its place in the past and takes nothing away now', async () => {
      minute = 300;
      await record(said('start', { key: 'ann', minute: 299, addresses: [A] }));
      changes.length = 0;
      await record(
        said('start', { key: 'bob', minute: 10, addresses: [A] }),
        said('stop', { key: 'bob', minute: 40, began: 10, addresses: [A] }),
      );
      expect(endedNow()).toEqual([]);
      expect(await holder(A)).toBe('ann');
      const { bindings } = await it_.bindings.holders('main', ip(A), at(20), at(22));
      expect(bindings.map((one) => [one.accessKey, one.certainEndAt])).toEqual([['bob', at(40)]]);
      expect(changes.flatMap((one) => one.touched.map((place) => formatPrefix(place.prefix)))).toContain(A);
    });

    it('measures the NAS’s skew by the promptest record, ahead as well as behind', async () => {
      const lagging = (lag: number, nas: string) => ({
        ...said('start', { key: 'ann', minute: 0, addresses: [A], nas }),
        clockLagMs: lag,
      });
      await record(lagging(90_000, 'bng1'), lagging(30_000, 'bng1'));
      expect((await it_.bindings.holders('main', ip(A), at(0), at(1))).skewMs).toBe(30_000);
      await record(lagging(-45_000, 'bng1'));
      expect((await it_.bindings.holders('main', ip(A), at(0), at(1))).skewMs).toBe(45_000);
    });

    it('joins static prefixes of lines in, and disputes one that accounting gives to another line', async () => {
      await it_.refreshStatic([line('ann', { staticPrefixes: [prefix('198.51.100.0/29')] })]);
      expect(await holder(A)).toBe('ann');
      expect(await open('ann')).toEqual(['198.51.100.0/29']);
      await record(said('start', { key: 'bob', minute: 0, addresses: [A] }));
      expect(endedNow()).toContain('ann 198.51.100.0/29');
      expect(await holder(A)).toBeUndefined();
      expect(await open('ann')).toEqual([]);
      const { bindings } = await it_.bindings.holders('main', ip(A), at(0), at(1));
      expect(bindings.map((one) => one.accessKey).toSorted()).toEqual(['ann', 'bob']);
    });

    it('A05: gives a static prefix to a new line from the import on, and the time before to the old one', async () => {
      const mine = { staticPrefixes: [prefix('198.51.100.0/29')] };
      await it_.refreshStatic([line('ann', mine), line('bob')]);
      minute = 100;
      await it_.refreshStatic([line('ann', mine), line('bob')]);
      minute = 200;
      await it_.refreshStatic([line('ann'), line('bob', mine)]);
      expect(endedNow()).toEqual(['ann 198.51.100.0/29']);
      const keys = async (minute_: number) => {
        const { bindings } = await it_.bindings.holders('main', ip(A), at(minute_), at(minute_));
        return bindings.map((one) => one.accessKey);
      };
      expect(await keys(50)).toEqual(['ann']);
      minute = 300;
      expect(await keys(250)).toEqual(['bob']);
    });
  });
}

function prefixes(bindings: readonly Binding[]): string[] {
  return bindings.map((one) => formatPrefix(one.prefix)).toSorted();
}
