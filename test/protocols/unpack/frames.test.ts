import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Frame, FrameReader, frameHead } from '../../../src/protocols/unpack/frames.ts';
import { readSaid } from '../../../src/protocols/unpack/messages.ts';
import { runs } from '../../runs.ts';

const frame = (head: Readonly<Record<string, unknown>>, bytes: Uint8Array) =>
  Buffer.concat([frameHead(head, bytes.length), bytes]);

test('frames come out whole, however the pipe cuts them', () => {
  const frames = fc.array(fc.tuple(fc.dictionary(fc.string(), fc.string()), fc.uint8Array({ maxLength: 300 })));
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const whole = Buffer.concat(sent.map(([head, bytes]) => frame(head, bytes)));
      const reader = new FrameReader(300);
      const got: Frame[] = [];
      for (let at = 0, i = 0; at < whole.length; i++) {
        const cut = cuts[i % cuts.length]!;
        got.push(...reader.push(whole.subarray(at, at + cut)));
        at += cut;
      }
      expect(got.map(({ head, bytes }) => [JSON.stringify(head), Buffer.from(bytes)])).toEqual(
        sent.map(([head, bytes]) => [JSON.stringify(head), Buffer.from(bytes)]),
      );
    }),
    { numRuns: runs(300) },
  );
});

test('what is beyond its bounds, or no mapping, ends the conversation', () => {
  expect(() => new FrameReader(10).push(frame({}, Buffer.alloc(11)))).toThrow('bounds');
  expect(() => new FrameReader(10).push(Buffer.alloc(8, 0xff))).toThrow('bounds');
  for (const head of ['[]', 'null', '1', '{'])
    expect(() =>
      new FrameReader(10).push(Buffer.concat([Buffer.from([0, 0, 0, head.length, 0, 0, 0, 0]), Buffer.from(head)])),
    ).toThrow();
  expect(() => frameHead({ a: 'x'.repeat(1 << 20) }, 0)).toThrow('head');
});

test('an answer is one of a few sentences', () => {
  const said = (head: Readonly<Record<string, unknown>>) => readSaid({ head, bytes: new Uint8Array() });
  expect(said({ is: 'fault', code: 'zip-broken', text: 'x' })).toEqual({ is: 'fault', code: 'zip-broken', text: 'x' });
  expect(said({ is: 'fault', code: 'Zip\nbroken', text: 'x' })).toBeUndefined();
  expect(said({ is: 'part', name: 'a'.repeat(300), mediaType: '' })).toBeUndefined();
  expect(said({ is: 'done', facts: { kind: 'mail' }, resident: 1 })).toBeUndefined();
  expect(said({ is: 'exec' })).toBeUndefined();
});
