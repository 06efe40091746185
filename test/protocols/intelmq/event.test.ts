import { describe, expect, test } from 'vitest';
import { readIntelmqEvent } from '../../../src/protocols/intelmq/read.ts';
import { tell, vectorOf } from '../feed/told.ts';

const place = { source: 'mq', evidenceHash: 'e', receivedAt: Date.UTC(2026, 11, 31), familyOf: () => undefined };
const settings = { leastAccuracy: 50 };
const read = (text: string) => readIntelmqEvent(text, place, settings);
const [first] = new TextDecoder().decode(vectorOf('intelmq', 'events.jsonl')).split('\n');

describe('one message of a queue', () => {
  test('is the same report as in a file, whoever observed it again and whatever stands in raw', () => {
    const [once, again] = [
      read(first!),
      read(first!.replace('2026-03-05T00:00:01', '2026-03-06T00:00:01').replace('eA==', 'eB==')),
    ];
    expect(once.ok && tell(once.value)).toContain('192.0.2.17:50123 tcp');
    expect(once.ok && again.ok && once.value.id === again.value.id).toBe(true);
  });

  test.each([
    ['F12: depth', `{"a":${'['.repeat(100_000)}`, 'json-too-deep'],
    ['F12: a key twice', '{"source.ip":"192.0.2.1","source.ip":"192.0.2.2"}', 'json-duplicate-key'],
    ['F12: __proto__', '{"__proto__":{"polluted":1}}', 'json-forbidden-key'],
    ['F12: constructor', '{"extra":{"constructor":1}}', 'json-forbidden-key'],
    ['F12: 1e400', '{"feed.accuracy":1e400}', 'json-number'],
    ['F12: a lone surrogate', '{"malware.name":"\\udc00"}', 'json-surrogate'],
    ['no object', '[1]', 'row-shape'],
    ['no JSON', 'hello', 'json-invalid'],
    ['too long', `{"a":"${'x'.repeat(300_000)}"}`, 'row-too-long'],
  ])('%s is refused, the prototype unchanged', (_name, text, code) => {
    const answer = read(text);
    expect(answer.ok ? undefined : answer.error.code).toBe(code);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('F19: line breaks, terminal codes and a megabyte in a name stay text, bounded', () => {
    const name = `a\r\nFORGED\u001b[31m\u202e${'x'.repeat(100_000)}`;
    const answer = read(JSON.stringify({ ...JSON.parse(first!), 'malware.name': name }));
    expect(answer.ok && answer.value.family).toBe('unknown');
    expect(answer.ok && answer.value.extra['malware.name']).toBe(name.slice(0, 256));
    expect(answer.ok && answer.value.extra['engawa.notes']).toBe('truncated');
  });
});
