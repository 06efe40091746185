import { describe, expect, test } from 'vitest';
import { TranslationRecorder } from '../../../src/adapters/translations/recorder.ts';
import { TranslationStream } from '../../../src/adapters/translations/stream.ts';
import type { TranslationEvent } from '../../../src/core/line/translation.ts';
import { parseIp } from '../../../src/core/net/ip.ts';
import { FakeTranslations, quiet } from './fake-translations.ts';

const event = (source: string, at: number): TranslationEvent => ({
  source,
  kind: 'allocated',
  at,
  realm: 'main',
  outside: parseIp('192.0.2.1')!,
  ports: { low: 1024, high: 2047 },
  inside: { realm: 'main', ip: parseIp('10.0.0.1')! },
});
const recorderOf = (store: FakeTranslations) =>
  new TranslationRecorder({ record: (batch) => store.record(batch), log: quiet, retryMs: 1 });

describe('for which span a stream was heard', () => {
  test('from the first word on, five seconds behind the last; a gap ends it and the next word begins another', () => {
    const stream = new TranslationStream('cgn1');
    stream.heard(100_000, 1e9);
    expect(stream.hasSpans).toBe(false); // one moment is no span
    stream.heard(200_000, 1e9);
    stream.gap();
    stream.heard(300_000, 1e9);
    stream.heard(301_000, 1e9);
    stream.heard(400_000, 1e9);
    expect(stream.takeSpans()).toEqual([
      { source: 'cgn1', fromAt: 100_000, toAt: 195_000 },
      { source: 'cgn1', fromAt: 300_000, toAt: 395_000 },
    ]);
    expect(stream.takeSpans()).toEqual([]);
    stream.heard(500_000, 1e9);
    expect(stream.takeSpans()).toEqual([{ source: 'cgn1', fromAt: 300_000, toAt: 495_000 }]);
  });
});

describe('records and spans on their way to the store', () => {
  test('many records share a write, and a span comes with the last record that it speaks of', async () => {
    const store = new FakeTranslations();
    const recorder = recorderOf(store);
    const stream = new TranslationStream('cgn1');
    for (let i = 0; i < 9_000; i++) {
      recorder.push(stream, [event('cgn1', i * 1_000)]);
      stream.heard(i * 1_000, 1e9);
    }
    expect(await recorder.settled()).toBe(true);
    expect(store.events.length).toBe(9_000);
    expect(store.batches).toBe(3);
    expect(store.heard).toEqual([{ source: 'cgn1', fromAt: 0, toAt: 8_994_000 }]);
    await recorder.stop();
  });

  test('a store that takes nothing for a while loses nothing', async () => {
    const store = new FakeTranslations();
    store.failures = 3;
    const recorder = recorderOf(store);
    recorder.push(new TranslationStream('cgn1'), [event('cgn1', 1)]);
    expect(await recorder.settled()).toBe(true);
    expect(store.events.length).toBe(1);
    await recorder.stop();
  });

  test('stopped while the store takes nothing, it says so', async () => {
    const store = new FakeTranslations();
    store.failures = Number.POSITIVE_INFINITY;
    const recorder = recorderOf(store);
    recorder.push(new TranslationStream('cgn1'), [event('cgn1', 1)]);
    await recorder.stop();
    expect(await recorder.settled()).toBe(false);
  });

  test('a flood of one stream is dropped, counted and a gap; another stream passes', async () => {
    const store = new FakeTranslations();
    const recorder = recorderOf(store);
    const [loud, calm] = [new TranslationStream('loud'), new TranslationStream('calm')];
    loud.heard(0, 1e9);
    loud.heard(60_000, 1e9);
    const flood = Array.from({ length: 15_000 }, (_, i) => event('loud', i));
    expect(recorder.put(loud, flood)).toBe(true);
    expect(recorder.put(loud, flood)).toBe(false);
    expect(recorder.put(calm, [event('calm', 1)])).toBe(true);
    loud.heard(120_000, 1e9);
    await recorder.settled();
    expect(loud.counts()).toEqual({ dropped: 15_000 });
    expect(store.events.length).toBe(15_001);
    expect(store.events.slice(0, 4_000).some(({ source }) => source === 'calm')).toBe(true);
    expect(store.heard).toEqual([{ source: 'loud', fromAt: 0, toAt: 55_000 }]);
    await recorder.stop();
  });
});
