// A10 Thunder CGN in its ASCII format: port mappings (`NAT-UDP-C`, …) and the blocks of fixed NAT. The compact and the binary format
// are not read, nor its session form, of which the documents leave open which end is the translated one.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, type CgnRecord, NOT_A_BINDING, recordOf } from './record.ts';

const KINDS: Readonly<Record<string, CgnRecord['kind']>> = {
  C: 'allocated',
  U: 'in-use',
  D: 'released',
  F: 'released',
};

const HEAD = /\bNAT-([A-Z]{2,5})-([A-Z]): ?/;
const IN = '(\\[[0-9a-fA-F:.]{2,45}\\]|[0-9.]{7,15})';
/** `in:port -> out:port` and `in:port<-->out:port to dst:port`; a port may be a range. */
const MAPPING = new RegExp(
  `^${IN}(?::\\d{1,5})? ?(?:->|<-->) ?([0-9.]{7,15}): ?(\\d{1,5})(?: ?- ?(\\d{1,5}))?(?: to \\S{1,60})?$`,
);
const FIXED = new RegExp(`\\bFIXED-NAT-PORTS:? ${IN} ?-> ?([0-9.]{7,15}): ?(\\d{1,5}) ?- ?(\\d{1,5})(?: |$)`);

export const a10: CgnDialect = (body) => {
  const fixed = FIXED.exec(body);
  if (fixed !== null) {
    const [, inside, outside, low, high] = fixed;
    // It says how the box is set up, and is repeated when asked for: in use now, since when nobody says.
    return [recordOf({ kind: 'in-use', inside: bare(inside!), outside, low, high })];
  }
  const head = HEAD.exec(body);
  if (head === null) return NOT_A_BINDING;
  const rest = body.slice(head.index + head[0].length).trimEnd();
  const mapping = MAPPING.exec(rest);
  if (mapping === null) return [err(rest.includes('<->') ? 'session-form' : 'malformed')];
  const kind = KINDS[head[2]!];
  if (kind === undefined) return [err('event-unknown')];
  const [, inside, outside, low, high] = mapping;
  return [recordOf({ kind, inside: bare(inside!), outside, low, high, protocol: head[1] })];
};

function bare(address: string): string {
  return address.startsWith('[') ? address.slice(1, -1) : address;
}
