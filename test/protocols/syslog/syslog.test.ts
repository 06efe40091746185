import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SyslogFrames } from '../../../src/protocols/syslog/framing.ts';
import { MAX_LINE_CHARS, readSyslog } from '../../../src/protocols/syslog/message.ts';
import { runs } from '../../runs.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (line: string) => {
  const message = readSyslog(line);
  if (!message.ok) return message.error;
  const { stamp, host, body } = message.value;
  return [stamp === undefined ? '-' : 'at' in stamp ? stamp.at : JSON.stringify(stamp.wall), host ?? '-', body];
};

describe('the head of a line', () => {
  test('RFC 5424 §6.5, examples 1 and 3: an offset is read, what follows the host stays whole', () => {
    expect(read("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed")).toEqual([
      Date.UTC(2003, 9, 11, 22, 14, 15, 3),
      'mymachine.example.com',
      "su - ID47 - 'su root' failed",
    ]);
    expect(read('<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - text')).toEqual([
      Date.UTC(2003, 7, 24, 12, 14, 15),
      '192.0.2.1',
      'myproc 8710 - - text',
    ]);
    expect(read('<34>1 - - app - - - x')).toEqual(['-', '-', 'app - - - x']);
    expect(read('<34>1 2003-10-11T22:14:15 host app')).toBe('stamp-bad'); // §6.2.3: an offset there must be
  });

  test('RFC 3164 §5.4, example 1: no year, no zone; and what boxes add', () => {
    const wall = { month: 10, day: 11, ms: 80_055_000 };
    expect(read("<34>Oct 11 22:14:15 mymachine su: 'su root' failed")).toEqual([
      JSON.stringify(wall),
      'mymachine',
      "su: 'su root' failed",
    ]);
    expect(read('<34>Oct 11 2026 22:14:15: host x')[0]).toBe(JSON.stringify({ year: 2026, ...wall }));
    expect(read('Oct  1 22:14:15.250 2026 host x')[0]).toBe(
      JSON.stringify({ year: 2026, month: 10, day: 1, ms: 80_055_250 }),
    );
    expect(read('<34>Oct 11 22:14:15 app[7]: x')).toEqual([JSON.stringify(wall), '-', 'app[7]: x']);
    expect(read('2026-03-04T05:06:07.5+09:00 host app: x')).toEqual([
      Date.UTC(2026, 2, 3, 20, 6, 7, 500),
      'host',
      'app: x',
    ]);
    expect(read('<34>Oct 11 24:14:15 host x')).toBe('stamp-bad');
    expect(read('nothing of all this')).toEqual(['-', '-', 'nothing of all this']);
    expect(read('x'.repeat(MAX_LINE_CHARS + 1))).toBe('line-too-long');
  });
});

describe('messages in a stream (RFC 6587 §3.4)', () => {
  const all = (parts: readonly (string | Uint8Array)[], frames = new SyslogFrames()) =>
    parts.flatMap((part) => frames.push(typeof part === 'string' ? bytes(part) : part));

  test('octet counting and line breaks, mixed, wherever the stream is cut', () => {
    const stream = bytes('12 <34>1 a\nbcde<34>two\r\n\n6 <1>abc2026-03-04 a line of a file\n');
    const whole = ['<34>1 a\nbcde', '<34>two', '<1>abc', '2026-03-04 a line of a file'];
    expect(all([stream])).toEqual(whole);
    for (let cut = 0; cut <= stream.length; cut++)
      expect(all([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
    expect(all([...stream].map((octet) => Uint8Array.of(octet)))).toEqual(whole);
  });

  test('a frame that is too long is counted and left out; what follows it is read', () => {
    const frames = new SyslogFrames();
    expect(all([`99999 <${'x'.repeat(40_000)}`, `${'x'.repeat(59_998)}<1>after\n`], frames)).toEqual(['<1>after']);
    expect(all([`<1>${'y'.repeat(70_000)}`, 'yy\n<2>next\n'], frames)).toEqual(['<2>next']);
    expect(frames.dropped).toBe(2);
    expect(all(['<1>cut short'], frames)).toEqual([]);
    expect(frames.openOctets).toBe(12);
  });

  test('any octets in any pieces: bounded, and the same whatever the pieces', () => {
    const octets = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(...['7 <1>abcd', '<1>x\n', '\n', '9', ' <'].map(bytes)),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(octets, fc.integer({ min: 1, max: 9 }), (parts, size) => {
        const stream = Buffer.concat(parts);
        const cut = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
          stream.subarray(i * size, (i + 1) * size),
        );
        expect(all(cut)).toEqual(all([stream]));
      }),
      { numRuns: runs(500) },
    );
  });
});
