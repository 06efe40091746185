// What attribution adds to the rules of core: the facts of the configuration and of what was decided before.
import { describe, expect, it } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import type { Report } from '../../src/core/report/report.ts';
import { Attributor, evidenceOf } from '../../src/flow/attribute.ts';
import { at, ip, line, said } from '../core/line/records.ts';
import { MemoryBindings } from '../fakes/bindings.ts';

const A = '198.51.100.7';

function report(minute: number): Report {
  return {
    id: 'r1',
    source: 'honeypot',
    type: 'api',
    class: 'attack-handshake',
    mayAct: true,
    family: 'mirai',
    ip: ip(A),
    protocol: 'tcp',
    observedAt: at(minute),
    precisionMs: 1000,
    extra: {},
    evidence: { hash: 'h', line: 1 },
  };
}

describe('the configured skew of a NAS', () => {
  const answer = async (leastSkewMs: number) => {
    const bindings = new MemoryBindings({ now: () => at(60), interimMs: 10 * MINUTE });
    await bindings.record([
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('stop', { key: 'ann', minute: 30, began: 0, addresses: [A] }),
      said('start', { key: 'bob', minute: 31, addresses: [A] }),
      said('interim', { key: 'bob', minute: 50, began: 31, addresses: [A] }),
    ]);
    const attributor = new Attributor({
      store: {
        line: async () => undefined,
        lineByAccessKey: async (key) => line(key),
        evidenceFile: async () => undefined,
      },
      bindings,
      clock: { now: () => at(60) },
      ranges: { ours: [], infrastructure: [], shared: [] },
      realm: 'main',
      leastSkewMsOf: () => leastSkewMs,
    });
    const { attribution } = await attributor.attribute(report(33));
    return `${attribution.kind} ${attribution.reason}`;
  };

  it('widens the window of what its sessions answer, so that a hand-over inside it names nobody', async () => {
    expect(await answer(0)).toBe('unique covered');
    expect(await answer(2 * MINUTE)).toBe('ambiguous holder-changed-in-window');
  });
});

describe('what is kept of an answer', () => {
  it('is bounded, however many share an address through a day', () => {
    const candidates = Array.from({ length: 5000 }, (_, i) => ({ lineId: `line-${i}`, epoch: 1, bindingId: `b${i}` }));
    const inside = { ip: ip('100.64.0.1'), length: 32 };
    const via = candidates.map(({ bindingId }) => ({
      kind: 'translation-log' as const,
      ...{ id: bindingId, realm: 'main', inside },
    }));
    const told = evidenceOf({
      kind: 'ambiguous',
      reason: 'shared-address-without-port',
      ...{ candidates, via, deltaMs: 1, window: { fromAt: at(0), toAt: at(1) }, provisional: false },
    });
    expect(told).toMatchObject({ candidates: { length: 50 }, via: { length: 50 }, more: 4950 });
    expect(evidenceOf({ ...answerOf(candidates.slice(0, 2)) })).not.toHaveProperty('more');
  });
});

function answerOf(candidates: readonly { lineId: string; epoch: number; bindingId: string }[]) {
  const window = { fromAt: at(0), toAt: at(1) };
  return { kind: 'unique', reason: 'covered', candidates, deltaMs: 1, window, provisional: false } as const;
}
