// F5 BIG-IP CGNAT: `LSN_ADD` and `LSN_DELETE`, client and translated address each with their route domain (`%0` is the default).
// Inbound entries (LSN_INBOUND_…) are not read: they are sessions through a mapping that has a record of its own.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, NOT_A_BINDING, recordOf } from './record.ts';

/** In its quoted form each word has quotes around it and nothing between them. */
const RECORD =
  /\b(LSN_ADD|LSN_DELETE) ([0-9a-fA-F.:]{2,45}?)(?:%(\d{1,5}))?[:.](\d{1,5}) (\d{1,3}|-) ([0-9.]{7,15})(?:%\d{1,5})?:(\d{1,5})(?: |$)/;

export const f5: CgnDialect = (body) => {
  const plain = body.replace(/"+/g, ' ').replace(/ {2,}/g, ' ');
  const match = RECORD.exec(plain);
  if (match === null) return /\bLSN_(?:ADD|DELETE)\b/.test(plain) ? [err('malformed')] : NOT_A_BINDING;
  const [, event, inside, domain, , protocol, outside, low] = match;
  return [
    recordOf({
      kind: event === 'LSN_ADD' ? 'allocated' : 'released',
      inside,
      outside,
      low,
      protocol,
      vrf: domain === undefined || domain === '0' ? undefined : domain,
    }),
  ];
};
