// Kea's memfile (lease4 and lease6 CSV): a journal, in which a later row replaces an earlier one of the same address. Columns are
// found by the header, cells are escaped as `&#xHH` and never quoted. A row is granted or renewed at expire − valid_lifetime.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { SECOND } from '../../core/kernel/time.ts';
import { parseIp } from '../../core/net/ip.ts';
import { maskIp, type Prefix, prefixOf } from '../../core/net/prefix.ts';
import { INFINITE_SECONDS, type LeaseFact } from './lease.ts';
import { relayIdsOf } from './relay.ts';

export type LeaseRowFault =
  | 'header-missing'
  | 'row-too-long'
  | 'columns-differ'
  | 'address-bad'
  | 'number-bad'
  | 'state-unknown'
  /** IA_TA, or a kind of lease that is not told apart here. */
  | 'lease-type';

const MAX_ROW_CHARS = 65_536;
const NEEDED = ['address', 'valid_lifetime', 'expire', 'state'] as const;
/** Declined is nobody's; `released` came with Kea 2.7. */
const STATES = { 0: 'held', 1: 'declined', 2: 'expired', 3: 'released' } as const;

type Columns = ReadonlyMap<string, number>;

export function readLeaseHeader(line: string): Columns | undefined {
  const names = line.trimEnd().split(',');
  const columns = new Map(names.map((name, i) => [name, i]));
  const isHeader = line.length <= MAX_ROW_CHARS && NEEDED.every((name) => columns.has(name));
  return isHeader && columns.size === names.length ? columns : undefined;
}

/** One row under its header. */
export function readLeaseRow(line: string, columns: Columns): Result<LeaseFact, LeaseRowFault> {
  if (line.length > MAX_ROW_CHARS) return err('row-too-long');
  const cells = line.replace(/\r$/, '').split(',');
  if (cells.length !== columns.size) return err('columns-differ');
  const cell = (name: string) => unescaped(cells[columns.get(name) ?? -1] ?? '');
  const [validSeconds, expireSeconds] = [numberOf(cell('valid_lifetime')), numberOf(cell('expire'))];
  if (validSeconds === undefined || expireSeconds === undefined || expireSeconds < validSeconds)
    return err('number-bad');
  const place = placeOf(cell('address'), columns.has('duid') ? cell('lease_type') : undefined, cell('prefix_len'));
  if (!place.ok) return place;
  const client = clientOf(cell, columns);
  const common = { ...place.value, ...(client === '' ? {} : { client }), ...relayIdsOf(cell('user_context')) };
  const heldAt = (expireSeconds - validSeconds) * SECOND;
  // A lease that is deleted is written once more, with no lifetime: when, the row does not say.
  if (validSeconds === 0) return ok({ ...common, kind: 'gone', at: heldAt, end: 'unseen' });
  const expiresAt = validSeconds === INFINITE_SECONDS ? Number.POSITIVE_INFINITY : expireSeconds * SECOND;
  const state = STATES[cell('state') as unknown as keyof typeof STATES];
  switch (state) {
    case 'held':
      return ok({ ...common, kind: 'held', at: heldAt, expiresAt });
    case 'declined':
    case 'released':
      return ok({ ...common, kind: 'gone', at: heldAt, end: 'unseen' });
    case 'expired':
      return ok({ ...common, kind: 'gone', at: expiresAt, end: 'moment' });
    default:
      return err('state-unknown');
  }
}

/** `type` undefined: DHCPv4. 0 is IA_NA, 1 IA_TA, 2 IA_PD. */
function placeOf(
  address: string,
  type: string | undefined,
  length: string,
): Result<Pick<LeaseFact, 'prefix' | 'slot'>, LeaseRowFault> {
  const ip = parseIp(address);
  if (ip === undefined || (type === undefined) !== (ip.family === 4)) return err('address-bad');
  if (type === undefined) return ok({ prefix: prefixOf(ip), slot: 'ipv4' });
  if (type === '0') return ok({ prefix: prefixOf(ip), slot: 'address-ipv6' });
  if (type !== '2') return err('lease-type');
  const bits = numberOf(length);
  if (bits === undefined || bits > 128) return err('number-bad');
  const prefix: Prefix = { ip, length: bits };
  return maskIp(ip, bits).bytes.every((byte, i) => byte === ip.bytes[i])
    ? ok({ prefix, slot: 'delegated-ipv6' })
    : err('address-bad');
}

function clientOf(cell: (name: string) => string, columns: Columns): string {
  if (columns.has('duid')) return `${cell('duid')}/${cell('iaid')}`.toLowerCase();
  return (cell('hwaddr') || cell('client_id')).toLowerCase();
}

function numberOf(text: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,11})$/.test(text) ? Number(text) : undefined;
}

function unescaped(cell: string): string {
  return cell.includes('&#x')
    ? cell.replace(/&#x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : cell;
}
