// Reads test/vectors/cgn/*.txt: `@` facts of the source, `<` a line as it arrives, `>` an event it gives, `!` a refusal.
import { readFileSync } from 'node:fs';
import { formatInstant, parseRfc3339 } from '../../../src/core/kernel/civil.ts';
import { offsetsOf } from '../../../src/core/kernel/stamp.ts';
import type { TranslationEvent } from '../../../src/core/line/translation.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { CGN_DIALECTS, type CgnDialectName } from '../../../src/protocols/cgn-log/dialects.ts';
import { eventOf, type SourceFacts } from '../../../src/protocols/cgn-log/event.ts';
import type { CgnDialect } from '../../../src/protocols/cgn-log/record.ts';
import { readSyslog } from '../../../src/protocols/syslog/message.ts';

export interface Vector {
  readonly line: string;
  readonly expected: readonly string[];
  readonly got: readonly string[];
}

export const FACTS: SourceFacts = {
  source: 'cgn1',
  outsideRealm: 'main',
  insideRealm: 'main',
  realms: new Map(),
  clockAheadMs: 0,
};

export function readVectors(name: string): Vector[] {
  const vectors: { line: string; expected: string[]; got: string[] }[] = [];
  let [dialect, facts, nearAt]: [CgnDialect | undefined, SourceFacts, number] = [undefined, FACTS, 0];
  for (const line of readFileSync(new URL(`../../vectors/cgn/${name}.txt`, import.meta.url), 'utf8').split('\n')) {
    const [sign, rest] = [line[0], line.slice(line[0] === '@' ? 1 : 2)];
    if (sign === '@') {
      const [word, value = ''] = rest.split(' ', 2) as [string, string?];
      if (word === 'dialect') dialect = CGN_DIALECTS[value as CgnDialectName];
      else if (word === 'near') nearAt = parseRfc3339(value)!;
      else if (word === 'realms') facts = { ...facts, realms: new Map([value.split('=') as [string, string]]) };
      else if (word === 'zone') {
        const { offsetAt: _, ...others } = facts;
        facts = value === '' ? others : { ...facts, offsetAt: offsetsOf(value) };
      } else throw new Error(line);
    } else if (sign === '<') vectors.push({ line: rest, expected: [], got: tell(rest, dialect!, facts, nearAt) });
    else if (sign === '>') vectors.at(-1)!.expected.push(rest);
    else if (sign === '!') vectors.at(-1)!.expected.push(`! ${rest}`);
    else if (line !== '' && sign !== '#') throw new Error(line);
  }
  return vectors;
}

export function tell(line: string, dialect: CgnDialect, facts: SourceFacts, nearAt: number): string[] {
  const message = readSyslog(line);
  if (!message.ok) return [`! ${message.error}`];
  return dialect(message.value.body).map((result) => {
    const event = result.ok ? eventOf(result.value, { stamp: message.value.stamp, nearAt }, facts) : result;
    return event.ok ? eventText(event.value) : `! ${event.error}`;
  });
}

export function eventText({ kind, at, realm, outside, ports, protocol, inside, sinceAt }: TranslationEvent): string {
  const since = sinceAt === undefined ? '' : ` since ${formatInstant(sinceAt)}`;
  const place = `${realm} ${formatIp(outside)} ${ports.low}-${ports.high} ${protocol ?? '*'}`;
  return `${kind} ${formatInstant(at)} ${place} ${inside.realm} ${formatIp(inside.ip)}${since}`;
}
