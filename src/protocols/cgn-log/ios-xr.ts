// Cisco IOS-XR CGv6 over syslog: several bracketed records in one packet, `-` for what does not apply, no layer 4 protocol when
// ports are given in bulk. Of DS-Lite it is the outer IPv6 address (the B4) that names the line.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, type CgnRecord, type CgnResult, NOT_A_BINDING, recordOf } from './record.ts';

const RECORD = /\[((?:User|Session)based(?:AD|WD|A|W)|Portblockrunout)\b([^[\]]{0,300})\]/g;
const MAX_RECORDS = 500;

export const iosXr: CgnDialect = (body) => {
  const found = body.matchAll(RECORD);
  const results: CgnResult[] = [];
  for (const [, event, fields] of found) {
    if (results.length >= MAX_RECORDS) return [...results, err('too-many-records')];
    results.push(readRecord(event!, fields!.trim().split(/ +/)));
  }
  if (results.length > 0) return results;
  return /\b(?:User|Session)based[AW]/.test(body) ? [err('malformed')] : NOT_A_BINDING;
};

/** L4, inside IPv4, VRF, inside IPv6, outside, inside port, first, last; then the destination where it is logged. */
function readRecord(event: string, fields: readonly string[]): CgnResult {
  if (event === 'Portblockrunout') return err('not-a-binding');
  if (fields.length < 8 || fields.length > 10) return err('malformed');
  const [protocol, inside4, vrf, inside6, outside, , low, last] = fields as [
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const kind: CgnRecord['kind'] = event.replace(/^(?:User|Session)based/, '').startsWith('A')
    ? 'allocated'
    : 'released';
  return recordOf({
    kind,
    inside: inside6 === '-' ? inside4 : inside6,
    outside,
    low,
    high: last === '-' ? low : last,
    protocol,
    vrf: vrf === '-' || vrf === 'default' ? undefined : vrf,
  });
}
