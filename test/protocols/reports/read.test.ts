import { describe, expect, test } from 'vitest';
import { formatIp } from '../../../src/core/net/ip.ts';
import { isSameContent } from '../../../src/core/report/content.ts';
import { readDelivery } from '../../../src/protocols/reports/read.ts';

const event = {
  id: 'obs-1',
  observedAt: '2026-03-04T05:06:07Z',
  class: 'attack-handshake',
  family: 'Mirai',
  ip: '192.0.2.17',
  port: 40001,
  protocol: 'tcp',
};

function read(text: string, format: 'json' | 'json-lines' = 'json', source = 'honeypot-1') {
  const delivery = readDelivery({
    source,
    format,
    text,
    evidenceHash: 'e'.repeat(64),
    receivedAt: Date.UTC(2026, 2, 4, 6),
    familyOf: (name) => (name === 'mirai' ? 'mirai' : undefined),
  });
  if (!delivery.ok) return { fault: delivery.error.code, reports: [], refused: [], total: 0 };
  return {
    fault: undefined,
    ...delivery.value,
    refused: delivery.value.refused.map((row) => `${row.line} ${row.code}`),
  };
}

const body = (...events: readonly unknown[]) => JSON.stringify({ reports: events });

describe('the body of POST /v1/reports', () => {
  test('an event becomes a report; class and family come from it, the right to act from the class', () => {
    const { reports, refused, total } = read(body(event, { ...event, id: 'obs-2', class: 'victim', family: 'nobody' }));
    expect([total, refused]).toEqual([2, []]);
    expect(reports.map((r) => [r.class, r.mayAct, r.family, formatIp(r.ip), r.port, r.evidence.line])).toEqual([
      ['attack-handshake', true, 'mirai', '192.0.2.17', 40001, 1],
      ['victim', false, 'unknown', '192.0.2.17', 40001, 2],
    ]);
    expect(reports[0]?.observedAt).toBe(Date.UTC(2026, 2, 4, 5, 6, 7));
  });

  test('F05: what no feed may say stands here neither: a handshake over UDP, a network as a line, a date as a second', () => {
    const seen = (more: object) => read(body({ ...event, ...more }));
    for (const protocol of ['udp', 'icmp']) {
      const [report] = seen({ protocol, class: 'infected-handshake' }).reports;
      expect([report?.class, report?.mayAct, report?.extra['engawa.notes']]).toEqual([
        'attack-single-packet',
        true,
        'spoofable',
      ]);
    }
    expect(seen({ ip: '192.0.2.0' }).refused).toEqual(['1 ip-is-network']);
    expect(seen({ observedAt: '1999-03-04T05:06:07Z' }).refused).toEqual(['1 timestamp-bad']);
    const [date] = seen({ observedAt: '2026-03-04T00:00:00+09:00' }).reports;
    expect([date?.precisionMs, date?.extra['engawa.notes']]).toEqual([86_400_000, 'midnight']);
    const [exact] = seen({ observedAt: '2026-03-04T00:00:00Z', precisionSeconds: 1 }).reports;
    expect([exact?.precisionMs, exact?.extra['engawa.notes']]).toEqual([1000, undefined]);
  });

  test('F02: an id belongs to its source; the order of keys is no content, anything else is', () => {
    const [a, b, c] = [event, Object.fromEntries(Object.entries(event).reverse()), { ...event, port: 40002 }].map(
      (one) => read(body(one)).reports[0]!,
    );
    expect([a!.id === b!.id, isSameContent(a!, b!)]).toEqual([true, true]);
    expect([a!.id === c!.id, isSameContent(a!, c!)]).toEqual([true, false]);
    expect(read(body(event), 'json', 'honeypot-2').reports[0]!.id).not.toBe(a!.id);
  });

  test('a wrong event is refused with its place and the others count', () => {
    const wrong = [
      { ...event, id: 'a', ip: '010.0.0.1' },
      { ...event, id: 'b', observedAt: '2026-03-04T05:06:07' + ' JST' },
      { ...event, id: 'c', observedAt: '2026-03-04T07:00:00Z' },
      { ...event, id: 'd', port: 0 },
      { ...event, id: 'e', surprise: 1 },
      { ...event, id: 'f', extra: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) },
      'text',
    ];
    const { reports, refused } = read(body(...wrong, event));
    expect(reports).toHaveLength(1);
    expect(refused).toEqual([
      '1 ip-not-canonical',
      '2 timestamp-bad',
      '3 timestamp-future',
      '4 event-shape',
      '5 event-shape',
      '6 event-shape',
      '7 event-shape',
    ]);
  });

  test('JSON lines: a broken line is refused with its number', () => {
    const { reports, refused } = read(`${JSON.stringify(event)}\n\n{"id":\n{"__proto__":1}\n`, 'json-lines');
    expect([reports.length, refused]).toEqual([1, ['3 json-invalid', '4 json-forbidden-key']]);
  });

  test('a body that is no delivery is refused whole', () => {
    for (const text of ['[]', '{"reports":[]}', '{"reports":[],"more":1}', '"x"', 'null'])
      expect(read(text).fault).toBe('delivery-shape');
    expect(read(' \n', 'json-lines').fault).toBe('delivery-shape');
    expect(read('{}\n'.repeat(10_001), 'json-lines').fault).toBe('delivery-too-many');
    expect(read('{"reports":[{"a":1,"a":1}]}').fault).toBe('json-duplicate-key');
  });

  test('a source cannot write what the parser notes', () => {
    const { reports } = read(body({ ...event, extra: { 'engawa.content': 'forged', site: 'tokyo' } }));
    expect(reports[0]?.extra).toMatchObject({ site: 'tokyo', 'engawa.event': 'obs-1' });
    expect(reports[0]?.extra['engawa.content']).toMatch(/^[0-9a-f]{64}$/);
  });
});
