// NFWare vCGNAT: `A` allocated, `D` deleted; an address alone, one port of one protocol, or a block. VRF 0 is the default one.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, NOT_A_BINDING, recordOf } from './record.ts';

const RECORD =
  /(?:^|[ :])([AD]) VRF (\d{1,10}) (?:(\d{1,3}) )?INT ([0-9.]{7,15}|\[?[0-9a-fA-F:]{2,45}\]?)(?::(\d{1,5}))? EXT ([0-9.]{7,15})(?::(\d{1,5})(?:-(\d{1,5}))?)?(?: DST \S{1,60} DIR (?:OUT|IN))?$/;

export const nfware: CgnDialect = (body) => {
  const match = RECORD.exec(body.trimEnd());
  if (match === null) return / VRF \d+ .*INT .* EXT /.test(body) ? [err('malformed')] : NOT_A_BINDING;
  const [, event, vrf, protocol, inside, , outside, low, high] = match;
  return [
    recordOf({
      kind: event === 'A' ? 'allocated' : 'released',
      inside: inside!.replace(/[[\]]/g, ''),
      outside,
      // One to one: the whole address is this host's.
      low: low ?? '0',
      high: high ?? low ?? '65535',
      protocol,
      vrf: vrf === '0' ? undefined : vrf,
    }),
  ];
};
