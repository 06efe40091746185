// Nokia SR OS: port blocks of events 2012 tmnxNatPlBlockAllocationLsn and 2013 …L2Aw in the logger's own words: `Map` or `Free`, the
// outside address, its ports in brackets, and behind `--` the subscriber with routing instance, inside address and local time.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, type CgnRecord, NOT_A_BINDING, recordOf } from './record.ts';

const RECORD =
  /(?:^|[ "}])(Map|Free) +([0-9.]{7,15}) \[(\d{1,5}) ?- ?(\d{1,5})\](?: MDA \S{1,12})? -- ([^"]{1,200}?) at (\d{4})\/(\d{2})\/(\d{2}) (\d{2}):(\d{2}):(\d{2})/;

export const nokia: CgnDialect = (body) => {
  const match = RECORD.exec(body);
  if (match === null) return /\b(?:Map|Free) +\S+ \[/.test(body) ? [err('malformed')] : NOT_A_BINDING;
  const [, event, outside, low, high, subscriber, ...clock] = match;
  const own = wallOf(clock.map(Number));
  if (own === undefined) return [err('time-bad')];
  const words = subscriber!.split(' ');
  const instance = /^(?:vprn|router-)\d{1,10}$/.exec(words.at(-2) ?? '')?.[0];
  return [
    recordOf({
      kind: event === 'Map' ? 'allocated' : 'released',
      inside: words.at(-1),
      outside,
      low,
      high,
      vrf: instance,
      own,
    }),
  ];
};

function wallOf(parts: readonly number[]): CgnRecord['own'] {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
  return { wall: { year, month, day, ms: ((hour * 60 + minute) * 60 + second) * 1000 } };
}
