// The binding table of a Snabb lwAFTR, as its configuration file or `snabb config get … /softwire-config/binding-table` writes it:
// today's `softwire { … port-set { … } }`, the older one with `psid-map`, and the first one with `softwires { { ipv4=… } }`.
// Everything else in such a file is somebody else's business and passed over.

import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Lw4o6Entry } from '../../core/line/sharing/lw4o6.ts';
import { parseIp } from '../../core/net/ip.ts';
import { isEntry, MOST_ENTRIES, MOST_FAULTS, readEntry, type TableFault, wholeNumber } from './table.ts';
import { type Token, tokensOf } from './tokens.ts';

const DEEPEST = 32;
const MOST_WORDS = 4096;

/** What stands between one pair of braces. */
interface Block {
  readonly name: string;
  /** Everything before the brace: of a `psid_map`, its addresses. */
  readonly words: readonly string[];
  readonly at: Token;
  readonly leaves: Map<string, string>;
}

interface AddressShape {
  readonly low: number;
  readonly high: number;
  readonly psidLength: string | undefined;
  readonly offset: string | undefined;
}

export function parseSnabbTable(text: string): Result<readonly Lw4o6Entry[], readonly TableFault[]> {
  return new SnabbReader().read(text);
}

class SnabbReader {
  readonly #faults: TableFault[] = [];
  readonly #softwires: Block[] = [];
  readonly #shapes: AddressShape[] = [];
  readonly #open: Block[] = [];
  #words: Token[] = [];
  #isValue = false;

  read(text: string): Result<readonly Lw4o6Entry[], readonly TableFault[]> {
    for (const token of tokensOf(text)) {
      this.#take(token);
      if (this.#faults.length > 0) return err(this.#faults);
    }
    const last = this.#open.at(-1);
    if (last !== undefined) this.#fault(last.at, 'a closing brace', `none for ${last.name || 'this one'}`);
    else if (this.#words.length > 0) this.#fault(this.#words[0]!, 'a semicolon or a brace', 'the end of the file');
    if (this.#faults.length > 0) return err(this.#faults);
    return this.#entries();
  }

  #take(token: Token): void {
    const { text } = token;
    if (text === '{') this.#begin(token);
    else if (text === '}') this.#end(token);
    else if (text === ';') this.#leaf();
    else if (text === '=') this.#isValue = true;
    else if (this.#isValue) this.#pair(token);
    else if (text === ',') return;
    else if (this.#words.length < MOST_WORDS) this.#words.push(token);
    else this.#fault(token, `at most ${MOST_WORDS} words before a semicolon or brace`, 'more');
  }

  #begin(token: Token): void {
    if (this.#open.length >= DEEPEST) this.#fault(token, `at most ${DEEPEST} levels of braces`, 'more');
    const words = this.#words.map(({ text }) => text);
    const name = words[0]?.replaceAll('_', '-') ?? '';
    this.#open.push({ name, words, at: this.#words[0] ?? token, leaves: new Map() });
    this.#words = [];
    this.#isValue = false;
  }

  #end(token: Token): void {
    const block = this.#open.pop();
    const stray = this.#words[0];
    if (block === undefined) this.#fault(token, 'an opening brace before', 'none');
    else if (stray !== undefined && block.name !== 'br-addresses')
      this.#fault(stray, 'a semicolon or a value', stray.text);
    else this.#close(block, this.#open.at(-1));
    this.#words = [];
  }

  #close(block: Block, parent: Block | undefined): void {
    const isSoftwire = block.name === 'softwire' || (parent?.name === 'softwires' && block.name === '');
    if (block.name === 'port-set' && parent?.name === 'softwire') {
      for (const [name, value] of block.leaves) parent.leaves.set(name, value);
    } else if (isSoftwire && this.#softwires.length === MOST_ENTRIES) {
      this.#fault(block.at, `at most ${MOST_ENTRIES} softwires`, 'more');
    } else if (isSoftwire) {
      this.#softwires.push(block);
    } else if (block.name === 'psid-map' && block.leaves.has('addr')) {
      const low = block.leaves.get('addr')!;
      this.#shape(block, low, block.leaves.get('end-addr') ?? low);
    } else if (parent?.name === 'psid-map') {
      for (const range of block.words) this.#shape(block, range.split('-')[0]!, range.split('-').at(-1)!);
    }
  }

  /** `name value;` */
  #leaf(): void {
    const [name, value] = this.#words;
    if (name !== undefined && value !== undefined && this.#words.length === 2) this.#set(name, value);
    this.#words = [];
  }

  /** `name=value` */
  #pair(value: Token): void {
    const name = this.#words.pop();
    if (name === undefined) this.#fault(value, 'a name before =', '=');
    else this.#set(name, value);
    this.#isValue = false;
  }

  #set(name: Token, value: Token): void {
    const block = this.#open.at(-1);
    if (block === undefined) return;
    const key = name.text.replaceAll('_', '-');
    if (block.leaves.has(key)) this.#fault(name, 'each name once', name.text);
    else block.leaves.set(key, value.text);
  }

  #shape(block: Block, lowText: string, highText: string): void {
    const [low, high] = [addressNumber(lowText), addressNumber(highText)];
    const isRange = low !== undefined && high !== undefined && low <= high;
    if (isRange) this.#shapes.push({ low, high, ...shapeWords(block.leaves) });
    else this.#fault(block.at, 'an IPv4 address, or two with a hyphen', `${lowText}-${highText}`);
  }

  #entries(): Result<readonly Lw4o6Entry[], readonly TableFault[]> {
    const shapes = this.#shapes.sort((a, b) => a.low - b.low);
    for (const [i, shape] of shapes.entries())
      if (i > 0 && shapes[i - 1]!.high >= shape.low)
        return err([
          { line: 1, column: 1, expected: 'address ranges of psid-map that do not overlap', got: 'some that do' },
        ]);
    const entries: Lw4o6Entry[] = [];
    for (const { leaves, at } of this.#softwires) {
      const own = leaves.has('psid-length') ? shapeWords(leaves) : shapeAt(shapes, leaves.get('ipv4'));
      const b4 = leaves.get('b4-ipv6') ?? leaves.get('b4');
      const read = readEntry({ ipv4: leaves.get('ipv4'), psid: leaves.get('psid'), b4, ...own });
      if (isEntry(read)) entries.push(read);
      else if (this.#faults.length < MOST_FAULTS) this.#fault(at, read.expected, read.got);
    }
    if (entries.length === 0 && this.#faults.length === 0)
      return err([{ line: 1, column: 1, expected: 'a binding table with a softwire', got: 'none' }]);
    return this.#faults.length > 0 ? err(this.#faults) : ok(entries);
  }

  #fault({ line, column }: Token, expected: string, got: string): void {
    this.#faults.push({ line, column, expected, got: got.slice(0, 60) });
  }
}

/** Psid length, shift and reserved bits are 16 together; one of the first two may be absent. */
function shapeWords(leaves: ReadonlyMap<string, string>): Pick<AddressShape, 'psidLength' | 'offset'> {
  const [length, shift] = [leaves.get('psid-length'), leaves.get('shift')];
  const offset = leaves.get('reserved-ports-bit-count') ?? leaves.get('psid-offset');
  if (shift === undefined) return { psidLength: length ?? '0', offset };
  const bits = wholeNumber(shift) ?? 17;
  if (length === undefined) return { psidLength: String(16 - bits - (wholeNumber(offset) ?? 0)), offset };
  return { psidLength: length, offset: String(16 - bits - (wholeNumber(length) ?? 0)) };
}

/** Not in the map: the table does not say how its address is shared. */
function shapeAt(
  shapes: readonly AddressShape[],
  text: string | undefined,
): Pick<AddressShape, 'psidLength' | 'offset'> {
  const address = addressNumber(text ?? '') ?? -1;
  let [low, high] = [0, shapes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shapes[middle]!.high < address) low = middle + 1;
    else high = middle;
  }
  const found = shapes[low];
  return found !== undefined && found.low <= address ? found : { psidLength: undefined, offset: undefined };
}

function addressNumber(text: string): number | undefined {
  const ip = parseIp(text);
  if (ip?.family !== 4) return undefined;
  return ip.bytes.reduce((value, byte) => value * 256 + byte, 0);
}
