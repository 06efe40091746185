import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHealth } from '../../src/telemetry/health.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { MESSAGES } from '../../src/telemetry/messages.ts';
import { plainText } from '../../src/telemetry/plain.ts';
import { FakeLog } from '../fakes/log.ts';
import { runs } from '../runs.ts';

function logged(act: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  act(createLog({ stream: { write: (line) => void lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  test('a line carries code, text, next step, time in UTC and the fields', () => {
    const [line] = logged((log) => log.warn('WRONG_LINE', { caseId: 'c1', missing: undefined }));
    expect(line).toMatchObject({
      level: 'warn',
      code: 'WRONG_LINE',
      msg: MESSAGES.WRONG_LINE.text,
      data: { caseId: 'c1' },
    });
    expect(line?.['next']).toBe(MESSAGES.WRONG_LINE.next);
    expect(line?.['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Object.keys(line?.['data'] as object)).toEqual(['caseId']);
  });

  test('F19: line breaks, terminal codes and direction marks become visible, a megabyte is cut', () => {
    const [line] = logged((log) =>
      log.info('INTAKE_ACCEPTED', { source: `a\r\nb\u001b[31m\u202e${'x'.repeat(1_000_000)}` }),
    );
    const { source } = line!['data'] as { source: string };
    expect(source).toMatch(/^a\\u\{d\}\\u\{a\}b\\u\{1b\}\[31m\\u\{202e\}x+… \(1000010 characters\)$/);
    expect(source.length).toBeLessThan(600);
  });

  test('F19: whatever the text, the line stays one line of printable characters', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x2fff }), { maxLength: 50 }), (codes) => {
        expect(plainText(String.fromCharCode(...codes))).not.toMatch(
          /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
        );
      }),
      { numRuns: runs(300) },
    );
  });

  test('invariant 10: fields that name a person, a secret or what was carried are removed', () => {
    const [line] = logged((log) =>
      log.error('MESSAGE_FAILED', {
        email: 'a@example.net',
        nested: { Phone: '0', customer_no: '7', url: 'x' },
        channel: 'email',
      }),
    );
    expect(line?.['data']).toEqual({
      email: '[removed]',
      nested: { Phone: '[removed]', customer_no: '[removed]', url: '[removed]' },
      channel: 'email',
    });
  });

  test('a code outside the catalogue is a type error, and at run time still one line', () => {
    const [line] = logged((log) => {
      // @ts-expect-error: not in the catalogue
      log.info('NO_SUCH_CODE', { a: 1 });
    });
    expect(line).toMatchObject({ code: 'LOG_CODE_UNKNOWN', data: { a: 1, unknownCode: 'NO_SUCH_CODE' } });
  });

  test('every code the source logs is in the catalogue', () => {
    const root = new URL('../../src/', import.meta.url).pathname;
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const used = files.flatMap((name) => [
      ...readFileSync(join(root, name), 'utf8').matchAll(/log\??\.(?:info|warn|error)\(\s*'([^']+)'/g),
    ]);
    expect(used.length).toBeGreaterThan(10);
    expect(used.map((match) => match[1]!).filter((code) => !Object.hasOwn(MESSAGES, code))).toEqual([]);
  });
});

describe('standing warnings', () => {
  test('a warning stands from its first raise until it is cleared, and each change is logged once', () => {
    let now = 1000;
    const log = new FakeLog();
    const health = createHealth({ now: () => now, log });
    health.raise('clock-assumed');
    now = 2000;
    health.set(true, 'gateway-unreachable', 'bng-1', { reason: 'timeout' });
    health.set(true, 'gateway-unreachable', 'bng-1', { reason: 'refused' });
    health.raise('clock-assumed');
    expect(health.list().map((w) => [w.code, w.subject, w.since, w.fields])).toEqual([
      ['gateway-unreachable', 'bng-1', 2000, { reason: 'refused' }],
      ['clock-assumed', '', 1000, {}],
    ]);
    health.set(false, 'gateway-unreachable', 'bng-1');
    health.clear('gateway-unreachable', 'bng-1');
    expect(health.list()).toHaveLength(1);
    expect(log.lines.map((line) => line.split(' ')[1])).toEqual(['HEALTH_RAISED', 'HEALTH_RAISED', 'HEALTH_CLEARED']);
  });
});
