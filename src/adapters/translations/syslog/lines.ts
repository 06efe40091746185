// Lines of one configured translator → events, and counts of why others were none. The same for datagrams, connections and files.
import type { Instant } from '../../../core/kernel/time.ts';
import type { TranslationEvent } from '../../../core/line/translation.ts';
import { eventOf, type SourceFacts } from '../../../protocols/cgn-log/event.ts';
import type { CgnDialect } from '../../../protocols/cgn-log/record.ts';
import { readSyslog } from '../../../protocols/syslog/message.ts';

export interface LineSource {
  readonly dialect: CgnDialect;
  readonly facts: Omit<SourceFacts, 'source'>;
}

export function eventsOfLine(
  line: string,
  source: LineSource,
  heard: { readonly source: string; readonly nearAt: Instant },
): { readonly events: readonly TranslationEvent[]; readonly refused: readonly string[] } {
  const message = readSyslog(line);
  if (!message.ok) return { events: [], refused: [message.error] };
  const events: TranslationEvent[] = [];
  const refused: string[] = [];
  const facts = { ...source.facts, source: heard.source };
  for (const record of source.dialect(message.value.body)) {
    const event = record.ok
      ? eventOf(record.value, { stamp: message.value.stamp, nearAt: heard.nearAt }, facts)
      : record;
    if (event.ok) events.push(event.value);
    else refused.push(event.error);
  }
  return { events, refused };
}
