// 6WIND Turbo Router / VSR (`fp-cgnat`): blocks, each of one protocol (a subscriber's TCP block says nothing about UDP), and
// connections, whose way back ends at the translated port.
import { err } from '../../core/kernel/result.ts';
import { type CgnDialect, NOT_A_BINDING, recordOf } from './record.ts';

const BLOCK =
  /\bUSER (\S{2,45}) \([^()]{0,100}\): (NEW|DESTROY) BLOCK \(pool "[^"]{0,64}", ip public ([0-9.]{7,15}), proto (\d{1,3}), port (\d{1,5}) - (\d{1,5})\)/;
const CONNECTION =
  /\b(NEW|DESTROY) CONN: fwd proto (\d{1,3}) ([0-9.]{7,15}):\d{1,5} -{1,2}> [0-9.]{7,15}:\d{1,5}, back proto \d{1,3} [0-9.]{7,15}:\d{1,5} -{1,2}> ([0-9.]{7,15}):(\d{1,5})/;

export const sixwind: CgnDialect = (body) => {
  const block = BLOCK.exec(body);
  if (block !== null) {
    const [, inside, event, outside, protocol, low, high] = block;
    return [recordOf({ kind: kindOf(event), inside, outside, low, high, protocol })];
  }
  const connection = CONNECTION.exec(body);
  if (connection !== null) {
    const [, event, protocol, inside, outside, low] = connection;
    return [recordOf({ kind: kindOf(event), inside, outside, low, protocol })];
  }
  return /(?:NEW|DESTROY) (?:BLOCK|CONN)/.test(body) ? [err('malformed')] : NOT_A_BINDING;
};

function kindOf(event: string | undefined): 'allocated' | 'released' {
  return event === 'NEW' ? 'allocated' : 'released';
}
