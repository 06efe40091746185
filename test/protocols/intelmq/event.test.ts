import { describe, expect, test } from 'vitest';
import { readIntelmq } from '../../../src/protocols/intelmq/read.ts';
import { readAll, vectorOf } from '../feed/told.ts';

const read = (text: string) => readAll(readIntelmq({ leastAccuracy: 50 }), text);
const [first] = new TextDecoder().decode(vectorOf('intelmq', 'events.jsonl')).split('\n');

describe('one message of a queue', () => {
  test('is the same report, whoever observed it again and whatever stands in raw', async () => {
    const once = await read(first!);
    const again = await read(first!.replace('2026-03-05T00:00:01', '2026-03-06T00:00:01').replace('eA==', 'eB=='));
    expect(once.told[0]).toContain('192.0.2.17:50123 tcp');
    expect(again.reports[0]?.id).toBe(once.reports[0]?.id);
  });

  test.each([
    ['F12: depth', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json-too-deep'],
    ['F12: a key twice', '{"source.ip":"192.0.2.1","source.ip":"192.0.2.2"}', 'json-duplicate-key'],
    ['F12: __proto__', '{"__proto__":{"polluted":1}}', 'json-forbidden-key'],
    ['F12: constructor', '{"extra":{"constructor":1}}', 'json-forbidden-key'],
    ['F12: 1e400', '{"feed.accuracy":1e400}', 'json-number'],
    ['F12: a lone surrogate', '{"malware.name":"\\udc00"}', 'json-surrogate'],
    ['no object', '[1]', 'row-shape'],
    ['no JSON', '{hello}', 'json-invalid'],
    ['too long', `{"a":"${'x'.repeat(300_000)}"}`, 'row-too-long'],
  ])('%s is refused, the prototype unchanged', async (_name, text, code) => {
    expect((await read(text)).told).toEqual([`1 ${code}`]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('F19: line breaks, terminal codes and a long text in a name stay text, bounded', async () => {
    const name = `a\r\nFORGED\u001b[31m\u202e${'x'.repeat(100_000)}`;
    const [report] = (await read(JSON.stringify({ ...JSON.parse(first!), 'malware.name': name }))).reports;
    expect(report?.family).toBe('unknown');
    expect(report?.extra['malware.name']).toBe(name.slice(0, 256));
    expect(report?.extra['engawa.notes']).toBe('truncated');
  });
});

describe('what a feed behind IntelMQ would never act upon does not act through it either', () => {
  const told = async (more: object) => (await read(JSON.stringify({ ...JSON.parse(first!), ...more }))).told[0];

  test('an infection without a protocol is no handshake: it needs a second source', async () => {
    expect(await told({ 'protocol.transport': undefined })).toContain('c2-contact may-act mirai');
    expect(await told({ 'protocol.transport': undefined, 'classification.type': 'system-compromise' })).toContain(
      'c2-contact may-act',
    );
  });

  test.each(['compromised-website', 'hacked-website'])('a web site among others on the address: %s', async (name) => {
    const site = { 'classification.type': 'system-compromise', 'classification.identifier': name, 'source.port': 80 };
    expect(await told(site)).toMatch(/ info never .* web-site$/);
  });

  test('a proxy before the one who was seen (forwarded_by)', async () => {
    expect(await told({ 'extra.forwarded_by': '10.0.0.7' })).toMatch(/infected-handshake never .* proxy$/);
    expect(await told({ extra: { forwarded_by: '10.0.0.7' } })).toMatch(/infected-handshake never .* proxy$/);
    expect(await told({ 'extra.forwarded_by': 'unknown' })).toContain('infected-handshake may-act');
  });
});
