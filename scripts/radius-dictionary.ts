// Writes src/protocols/radius/dictionary-data.ts from the dictionaries of Debian 12's freeradius-common: the attributes a
// controller of BNGs can have a use for, by the names FreeRADIUS gives them. A test fails while the two differ.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const DICTIONARIES = '/usr/share/freeradius';
const TARGET = new URL('../src/protocols/radius/dictionary-data.ts', import.meta.url);

/** Numbers of attributes per file; empty = all. Only what stands here is taken. */
const CHOSEN: Readonly<Record<string, string>> = {
  rfc2865: '1-16 18-20 22 24-25 27-33 60-62',
  rfc2866: '',
  rfc2868: '',
  rfc2869: '52-53 55 77 79-80 85 87-88',
  rfc3162: '',
  rfc3576: '',
  rfc4372: '',
  rfc4679: '1-2 129-130 133-134 254',
  rfc4818: '',
  rfc4849: '',
  rfc5176: '',
  rfc6519: '',
  rfc6911: '',
  'alcatel.sr':
    '9-18 27-28 31-33 35 45 95-96 99-101 105-106 121 126 131 134 136 140-141 158 160 163 172-174 177-178 180-181 185 200-203 228 232 238 244',
  chillispot: '1-9 100-101',
  cisco: '1-2 37-38 46 51-52 55-63 65 195 197 250-253',
  'ericsson.ab':
    '4 36 87-88 91-93 96-97 101 104-105 107 111 113 126 128-131 142-143 145 151 156-157 164-165 190-196 204 214-225',
  erx: '1-2 10-13 24-26 28 31 42-43 45-48 53 63 65-69 82-83 92-93 106-108 110-112 129-130 140 147 150-158 161 173-180 182 191-192 194-206 210',
  huawei:
    '1-6 15 17 26-27 31 34 61-62 74 77-78 82 85-88 91 94-95 135-136 138 140 144-149 153-154 158 160-163 166 181-182 184-185 188 191 253',
  mikrotik: '1-3 8-15 17-19 21-22',
  netelastic: '1-6 15 17 27 31 77-78 82 85 95 135-136 138 140 144-149 153 158 161-163 252',
  wispr: '1-8',
  zte: '1-2 4 82-84 89 91 94 151',
};

/** Files that only add names of numbers. */
const MORE_VALUES = ['rfc3580', 'rfc4603', 'rfc5607'] as const;

/** Whose numbers have names; others are numbers to read as well. */
const ENUMERATED: ReadonlySet<string> = new Set([
  ...['Acct-Authentic', 'Acct-Status-Type', 'Acct-Terminate-Cause', 'Error-Cause', 'Framed-Protocol'],
  ...['NAS-Port-Type', 'Service-Type', 'Termination-Action', 'Tunnel-Medium-Type', 'Tunnel-Type'],
]);

/**
 * Not in Debian's files: accel-ppp's own; CoovaChilli's own, which goes by ChilliSpot's number and in older dictionaries by its
 * name; Error-Cause from RFC 5580 §4.6, RFC 7499 §5, and 510, which is an IETF draft's.
 */
const SUPPLEMENT = `
VENDOR Accel-PPP 55999
BEGIN-VENDOR Accel-PPP
ATTRIBUTE Accel-VRF-Name 1 string
END-VENDOR Accel-PPP
VENDOR ChilliSpot 14559
BEGIN-VENDOR ChilliSpot
ATTRIBUTE CoovaChilli-Session-State 15 integer
ATTRIBUTE CoovaChilli-Session-Id 16 string
END-VENDOR ChilliSpot
VALUE Error-Cause Location-Info-Required 509
VALUE Error-Cause Missing-Message-Authenticator 510
VALUE Error-Cause Response-Too-Big 601
`;

/** RFC 4849 §2 has it so; FreeRADIUS leaves it to whoever writes the value. */
const CONCATENATED = 'NAS-Filter-Rule';

const FORMATS: ReadonlySet<string> = new Set([
  ...['string', 'octets', 'integer', 'integer64', 'short', 'byte'],
  ...['ipaddr', 'date', 'ipv6addr', 'ipv6prefix', 'ifid'],
]);

interface Attribute {
  /** 0 = none. */
  readonly vendor: number;
  readonly name: string;
  readonly type: number;
  readonly format: string;
  readonly flags: readonly string[];
}

interface Found {
  readonly attributes: Attribute[];
  readonly vendors: Map<string, number>;
  readonly values: Map<string, Map<string, number>>;
}

/** `read` gives the text of one dictionary by the end of its name; undefined = there is no such file. */
export function generate(read: (file: string) => string | undefined): string {
  const found: Found = { attributes: [], vendors: new Map(), values: new Map() };
  for (const [file, chosen] of Object.entries(CHOSEN)) take(found, text(read, file), (type) => isChosen(chosen, type));
  take(found, SUPPLEMENT, () => true);
  for (const file of MORE_VALUES) take(found, text(read, file), () => false);
  return written(found, widths(read));
}

function text(read: (file: string) => string | undefined, file: string): string {
  const content = read(file);
  if (content === undefined) throw new Error(`no dictionary.${file}`);
  return content;
}

function isChosen(chosen: string, type: number): boolean {
  if (chosen === '') return true;
  return chosen.split(' ').some((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return first! <= type && type <= last!;
  });
}

function take(found: Found, content: string, chosen: (type: number) => boolean): void {
  let vendor = 0;
  for (const line of content.split('\n')) {
    const [word, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (word === 'VENDOR') found.vendors.set(rest[0]!, Number(rest[1]));
    else if (word === 'BEGIN-VENDOR') vendor = found.vendors.get(rest[0]!)!;
    else if (word === 'END-VENDOR') vendor = 0;
    else if (word === 'ATTRIBUTE') takeAttribute(found, vendor, rest, chosen);
    else if (word === 'VALUE' && vendor === 0 && ENUMERATED.has(rest[0]!)) {
      const values = found.values.get(rest[0]!) ?? new Map<string, number>();
      found.values.set(rest[0]!, values.set(rest[1]!, Number(rest[2])));
    }
  }
}

function takeAttribute(
  found: Found,
  vendor: number,
  words: readonly string[],
  chosen: (type: number) => boolean,
): void {
  const [name, number, format, flags] = words as [string, string, string, string?];
  const type = Number(number);
  if (!Number.isInteger(type) || !FORMATS.has(format) || !chosen(type)) return;
  // The first of several names is the current one.
  if (found.attributes.some((one) => one.vendor === vendor && one.type === type)) return;
  found.attributes.push({ vendor, name, type, format, flags: flags?.split(',') ?? [] });
}

/** Vendors whose sub-attributes have another type or length than one octet each, of all that FreeRADIUS knows. */
function widths(read: (file: string) => string | undefined): [vendor: number, type: number, length: number][] {
  const files = [...text(read, '').matchAll(/^\$INCLUDE\s+dictionary\.(\S+)/gm)].map((one) => read(one[1]!) ?? '');
  return [...files.join('\n').matchAll(/^VENDOR\s+\S+\s+(\d+)\s+format=(\d),(\d)\s*$/gm)]
    .map(([, ...numbers]) => numbers.map(Number) as [number, number, number])
    .filter(([, type, length]) => type !== 1 || length !== 1)
    .sort((a, b) => a[0] - b[0]);
}

function written(found: Found, vendorWidths: readonly (readonly number[])[]): string {
  const rows = found.attributes.toSorted((a, b) => a.vendor - b.vendor || a.type - b.type);
  const values = [...found.values].map(([name, words]) => {
    const lines = [...words].map(([word, value]) => `    ${key(word)}: ${value},\n`);
    return `  ${key(name)}: {\n${lines.join('')}  },\n`;
  });
  return `// Written by scripts/radius-dictionary.ts; change that, not this.
// A selection from the dictionaries of FreeRADIUS 3.2.1 (Debian 12, freeradius-common), Copyright (C) The FreeRADIUS Server
// project and contributors, licensed under CC-BY 4.0 (https://creativecommons.org/licenses/by/4.0); changed in form.

export type AttributeFormat =
${[...FORMATS].map((one) => `  | '${one}'`).join('\n')};

/** tagged: RFC 2868 §3.1. encrypted: its value is hidden with the secret. concat: one value over several attributes. */
export type Row = readonly [vendor: number, type: number, name: string, format: AttributeFormat, ...flags: Flag[]];
export type Flag = 'tagged' | 'encrypted' | 'concat';

/** Vendor 0 = none. */
export const ATTRIBUTE_ROWS: readonly Row[] = [
${rows.map(row).join('')}];

export const VALUE_NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
${values.join('')}};

/** Octets of type and of length in a sub-attribute, where they are not one and one (RFC 2865 §5.26). */
export const VENDOR_WIDTHS: readonly (readonly [vendor: number, type: number, length: number])[] = [
${vendorWidths.map((one) => `  [${one.join(', ')}],\n`).join('')}];
`;
}

function row({ vendor, name, type, format, flags }: Attribute): string {
  const known = [
    ...(flags.includes('has_tag') ? ["'tagged'"] : []),
    ...(flags.some((one) => one.startsWith('encrypt=')) ? ["'encrypted'"] : []),
    ...(flags.includes('concat') || name === CONCATENATED ? ["'concat'"] : []),
  ];
  return `  [${[vendor, type, `'${name}'`, `'${format}'`, ...known].join(', ')}],\n`;
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`;
}

export function readDictionary(file: string): string | undefined {
  const path = `${DICTIONARIES}/dictionary${file === '' ? '' : `.${file}`}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, generate(readDictionary));
