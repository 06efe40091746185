// One cell of the lines file each: text to value, or what is wrong with it. Header names are theirs, too.

import { LINE_CLASSES, type LineClass } from '../../core/line/line.ts';
import { isLinePrefix, type Prefix, parsePrefix } from '../../core/net/prefix.ts';

export const REQUIRED_COLUMNS = ['line_id', 'access_key', 'customer_no', 'class', 'protected'] as const;
/** An absent optional column leaves what is stored; a present one with an empty cell clears it. */
export const OPTIONAL_COLUMNS = [
  'static_prefixes',
  'realm',
  'email',
  'phone',
  'language',
  'terms_version',
  'contract',
] as const;
export type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

/** Throws: the text says what was expected. */
export class CellFault extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Printable, no control characters, at most 200: these go into messages, logs of audit and look-ups. */
const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,200}$/u;

export function required(cell: string, column: Column): string {
  if (cell === '') throw new CellFault('cell-empty', `${column} is empty`);
  if (cell !== cell.trim() || !PRINTABLE.test(cell))
    throw new CellFault('cell-bad', `${column}: up to 200 printable characters, no blanks around them`);
  return cell;
}

export function optional(cell: string, column: Column): string | undefined {
  return cell === '' ? undefined : required(cell, column);
}

export function lineClass(cell: string): LineClass {
  const found = LINE_CLASSES.find((one) => one === cell);
  if (found === undefined) throw new CellFault('class-unknown', `class is one of ${LINE_CLASSES.join(', ')}`);
  return found;
}

/** Never guessed: a typing error here would quarantine somebody who must not be. */
export function yesNo(cell: string, column: Column): boolean {
  if (cell === 'yes' || cell === 'true' || cell === '1') return true;
  if (cell === 'no' || cell === 'false' || cell === '0') return false;
  throw new CellFault('cell-bad', `${column} is yes or no`);
}

export function contract(cell: string): 'active' | 'ended' {
  if (cell === '' || cell === 'active') return 'active';
  if (cell === 'ended') return 'ended';
  throw new CellFault('cell-bad', 'contract is active or ended');
}

/** Address spaces that overlap are not told apart yet: a line of another one would never be found by its address. */
export function realm(cell: string): string {
  if (cell === '' || cell === 'main') return 'main';
  throw new CellFault('realm-unknown', 'realm is main (other realms: not yet)');
}

export function email(cell: string): string | undefined {
  if (cell === '') return undefined;
  if (cell.length > 254 || !/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(cell))
    throw new CellFault('email-bad', 'email is no plain address');
  return cell;
}

/** Kept as digits with an optional +, so that support finds it however it was typed. */
export function phone(cell: string): string | undefined {
  if (cell === '') return undefined;
  const digits = cell.replace(/[ ()./-]/g, '');
  if (!/^\+?[0-9]{3,20}$/.test(digits)) throw new CellFault('phone-bad', 'phone is 3 to 20 digits, with or without +');
  return digits;
}

export function language(cell: string): string | undefined {
  if (cell === '') return undefined;
  if (!/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/.test(cell))
    throw new CellFault('language-bad', 'language is a BCP 47 tag such as ja or en');
  return cell;
}

/** Separated by blanks or semicolons. design.md bounds: IPv4 /29–/32, IPv6 /48–/64; a shorter prefix is many lines. */
export function prefixes(cell: string): readonly Prefix[] {
  const found = cell.split(/[ ;]+/).filter((text) => text !== '');
  if (found.length > 64) throw new CellFault('prefix-too-many', 'at most 64 static prefixes on one line');
  return found.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined)
      throw new CellFault('prefix-bad', `${text.slice(0, 60)} is no prefix, or has host bits set`);
    if (!isLinePrefix(prefix) || (prefix.ip.family === 6 && prefix.length === 128))
      throw new CellFault('prefix-size', `${text.slice(0, 60)}: a line holds IPv4 /29–/32 or IPv6 /48–/64`);
    return prefix;
  });
}
