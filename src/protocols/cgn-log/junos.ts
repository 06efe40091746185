// Juniper: port blocks of the source NAT (SRX, MX-SPC3, `RT_SRC_NAT_PBA_…`, structured and plain) and of MS-MPC/MS-DPC service cards
// (`JSERVICES_…`, `ASP_NAT_PORT_BLOCK_…`). Sessions (RT_FLOW) are not read: their blocks say the same once.
import { err } from '../../core/kernel/result.ts';
import type { Instant } from '../../core/kernel/time.ts';
import { type CgnDialect, type CgnRecord, type CgnResult, NOT_A_BINDING, recordOf } from './record.ts';

const KINDS: Readonly<Record<string, CgnRecord['kind']>> = {
  ALLOC: 'allocated',
  INTERIM: 'in-use',
  ACTIVE: 'in-use',
  RELEASE: 'released',
};

const PBA = /\bRT_SRC_NAT_PBA_(ALLOC|INTERIM|RELEASE)\b/;
const ATTRIBUTE = /([a-z0-9-]{1,40})="([^"]{0,200})"/g;
const SENTENCE =
  /\bSubscriber (\S+) used\/maximum \[\d+\/\d+\] blocks, \w{1,20}(?: \w{1,20})? port block \[(\d+)-(\d+)\] from (\S+) in source pool \S+(?: lsys_id: (\d+))?/;

export const junosPba: CgnDialect = (body) => {
  const event = PBA.exec(body)?.[1];
  if (event === undefined) return NOT_A_BINDING;
  const kind = KINDS[event]!;
  const sentence = SENTENCE.exec(body);
  if (sentence !== null) {
    const [, inside, low, high, outside, lsys] = sentence;
    return [recordOf({ kind, inside, outside, low, high, vrf: systemOf(lsys) })];
  }
  return [structured(kind, body)];
};

function structured(kind: CgnRecord['kind'], body: string): CgnResult {
  const found = new Map([...body.matchAll(ATTRIBUTE)].slice(0, 64).map(([, name, value]) => [name!, value!]));
  const epoch = found.get('epoch-time-64');
  const at = epoch === undefined ? undefined : hexSeconds(epoch);
  if (epoch !== undefined && at === undefined) return err('time-bad');
  return recordOf({
    kind,
    inside: found.get('internal-ip'),
    outside: found.get('reflexive-ip'),
    low: found.get('block-port-low'),
    high: found.get('block-port-high'),
    vrf: systemOf(found.get('logical-system-id')),
    // Of an allocation it is the record's time, of an interim record that of the allocation it repeats. What it means in a
    // release differs between the vendor's own pages, so that the head's time is taken there.
    ...(kind === 'allocated' && at !== undefined ? { own: { at } } : {}),
    ...(kind === 'in-use' ? { sinceAt: at } : {}),
  });
}

/** 0 is the root system. */
function systemOf(id: string | undefined): string | undefined {
  return id === undefined || id === '0' ? undefined : `lsys-${id}`;
}

/** `624b0492` is 2022-04-04T14:45:38Z: hexadecimal, though it often looks decimal. */
function hexSeconds(text: string): Instant | undefined {
  return /^(?:0x)?[0-9a-fA-F]{7,10}$/.test(text) ? Number.parseInt(text, 16) * 1000 : undefined;
}

const CARD =
  /(?:\{([^{}]{1,64})\}\[[a-z-]{1,32}\]: ?|\[[A-Za-z-]{1,32}\]: ?|\b)(?:JSERVICES|ASP)_NAT_PORT_BLOCK_(ALLOC|RELEASE|ACTIVE): ?(\S{2,45}) -> ([0-9.]{7,15}):(\d{1,5})-(\d{1,5})(?: (0x[0-9a-fA-F]{1,10}))?/;
/** In front of it the card writes its own clock, UTC unless `local-timestamp` is set. */
const CARD_CLOCK = /(\d{4})-(\d{2})-(\d{2}) (\d{2}): ?(\d{2}):(\d{2})(?=: | \[|: ?\S{1,64}\{)/;

export const junosCard: CgnDialect = (body) => {
  const match = CARD.exec(body);
  if (match === null) return /_NAT_PORT_BLOCK_/.test(body) ? [err('malformed')] : NOT_A_BINDING;
  const [, serviceSet, event, inside, outside, low, high, since] = match;
  const kind = KINDS[event!]!;
  const clock = CARD_CLOCK.exec(body.slice(0, match.index + 1));
  const own = clock === null ? undefined : wallOf(clock.slice(1).map(Number));
  if (clock !== null && own === undefined) return [err('time-bad')];
  const sinceAt = since === undefined || kind !== 'in-use' ? undefined : hexSeconds(since);
  return [recordOf({ kind, inside, outside, low, high, vrf: serviceSet, own, sinceAt })];
};

function wallOf(parts: readonly number[]): CgnRecord['own'] {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
  return { wall: { year, month, day, ms: ((hour * 60 + minute) * 60 + second) * 1000 } };
}
