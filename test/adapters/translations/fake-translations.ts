// The port that translation logs are recorded through, with what goes wrong there: a store that is full for a while.

import type { CoverageSpan, TranslationEvent } from '../../../src/core/line/translation.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import type { Log, Translations } from '../../../src/flow/ports.ts';

export class FakeTranslations implements Pick<Translations, 'record'> {
  readonly events: TranslationEvent[] = [];
  readonly heard: CoverageSpan[] = [];
  batches = 0;
  failures = 0;

  async record(batch: Parameters<Translations['record']>[0]): Promise<{ stored: number; outside: number }> {
    if (this.failures > 0) {
      this.failures--;
      throw new Error('database or disk is full');
    }
    this.batches++;
    this.events.push(...batch.events);
    this.heard.push(...batch.heard);
    return { stored: batch.events.length, outside: 0 };
  }

  told(): string[] {
    return this.events.map(
      ({ kind, source, ports, inside }) => `${source} ${kind} ${ports.low} ${formatIp(inside.ip)}`,
    );
  }
}

export const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };
