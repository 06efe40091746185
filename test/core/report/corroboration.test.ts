// Two feeds are two sources only as long as neither repeats what the other saw (reference A8; catalogue A09).
import { describe, expect, test } from 'vitest';
import { parseIp } from '../../../src/core/net/ip.ts';
import { countObservations, isCopy, isCorroborated } from '../../../src/core/report/corroboration.ts';
import type { Report } from '../../../src/core/report/report.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AT = Date.UTC(2026, 2, 4, 10);
const by = { windowMs: 7 * 24 * HOUR };

function told(source: string, observedAt: number, more: Partial<Report> = {}): Report {
  return {
    id: `${source}-${observedAt}-${JSON.stringify(more)}`,
    source,
    type: 'event4_honeypot_darknet',
    class: 'attack-single-packet',
    mayAct: true,
    family: 'mirai',
    ip: parseIp('192.0.2.17')!,
    port: 50_123,
    protocol: 'tcp',
    observedAt,
    precisionMs: 1000,
    evidence: { hash: 'e', line: 1 },
    extra: {},
    ...more,
  };
}

describe('one sensor through several feeds', () => {
  const first = told('shadowserver', AT);
  const later = told('shadowserver', AT + 4 * HOUR, { port: 40_001 });
  const again = (report: Report, source: string, more: Partial<Report> = {}) =>
    told(source, report.observedAt, { ...(report.port !== undefined && { port: report.port }), ...more });

  test('the same sighting under three names is one', () => {
    const all = [first, again(first, 'abusehub'), again(first, 'intelmq', { type: 'scanner' })];
    for (const report of all) expect(isCorroborated(report, all, by)).toBe(false);
  });

  test('a second sighting of it, told by the hub as well, does not corroborate the first', () => {
    const all = [first, later, again(later, 'abusehub'), again(later, 'intelmq')];
    for (const report of all) expect(isCorroborated(report, all, by)).toBe(false);
  });

  test('a hub that repeated the first tells the second before the feed itself does', () => {
    const all = [first, again(first, 'abusehub'), again(later, 'abusehub')];
    expect(isCorroborated(first, all, by)).toBe(false);
  });

  test('another feed with a sighting of its own still does', () => {
    const own = told('sensor', AT + HOUR, { port: 40_777 });
    expect(isCorroborated(first, [first, again(first, 'abusehub'), own], by)).toBe(true);
  });

  test('an aggregated row holds every sighting of its span', () => {
    const span = told('n6', AT, { untilAt: AT + 2 * HOUR });
    const inside = told('shadowserver', AT + 25 * MINUTE, { port: 1024 });
    expect(isCopy(span, inside)).toBe(true);
    expect(isCopy(inside, span)).toBe(true);
    expect(isCorroborated(inside, [span, inside], by)).toBe(false);
    expect(countObservations([span, inside], { fromAt: AT - HOUR, toAt: AT + 3 * HOUR, limit: 5 })).toBe(1);
    expect(isCopy(span, told('shadowserver', AT + 2 * HOUR + 10 * MINUTE, { port: 1024 }))).toBe(false);
  });

  test("the sensor's own event_id says it, however times were rounded on the way", () => {
    const own = told('shadowserver', AT, { extra: { event_id: 'a1b2' } });
    const rounded = told('intelmq', AT + 40_000, { extra: { 'extra.event_id': 'a1b2' } });
    expect(isCorroborated(own, [own, rounded], by)).toBe(false);
    expect(isCorroborated(own, [own, { ...rounded, extra: { 'extra.event_id': 'other' } }], by)).toBe(true);
    expect(isCopy(own, { ...rounded, ip: parseIp('192.0.2.18')! })).toBe(false);
  });

  test('a line with thousands of repeated rows is answered in no time', () => {
    const many = Array.from({ length: 4000 }, (_, i) => told('shadowserver', AT + i * 10_000, { port: 1024 + i }));
    const all = many.flatMap((one) => [one, again(one, 'abusehub')]);
    expect(isCorroborated(many[2000]!, all, by)).toBe(false);
  });
});
