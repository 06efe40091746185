// Is this well-formed XML without a DTD, and what do its elements say? For attachments that are kept as evidence; it resolves no
// entity beyond the five of XML, loads nothing and knows no schema.
import { SaxesParser } from 'saxes';
import type { FactsOf, Limits } from '../protocols/unpack/messages.ts';
import { plain, UnpackFault } from './fault.ts';

const MAX_TEXTS = 1000;
const MAX_TEXT = 1000;
const MAX_ELEMENTS = 200_000;
const CHUNK = 1 << 14;

export function readXml(bytes: Uint8Array, limits: Limits): FactsOf<'xml'> {
  const text = decode(bytes);
  const reader = new Reader(limits);
  for (let from = 0; from < text.length; from += CHUNK) reader.write(text.slice(from, from + CHUNK));
  return reader.end();
}

class Reader {
  readonly #parser = new SaxesParser({ xmlns: false, position: false });
  readonly #texts: { name: string; text: string }[] = [];
  readonly #depth: number;
  #open: { name: string; text: string; isLeaf: boolean }[] = [];
  #root = '';
  #elements = 0;

  constructor(limits: Limits) {
    this.#depth = limits.depth;
    const parser = this.#parser;
    // A DTD ends here before anything in it means something: no entity, no bomb, nothing to fetch.
    parser.on('doctype', () => refuseDtd());
    parser.on('error', (cause) => {
      throw new UnpackFault('xml-broken', plain(cause));
    });
    parser.on('opentagstart', ({ name }) => this.#opened(name));
    parser.on('text', (text) => this.#heard(text));
    parser.on('cdata', (text) => this.#heard(text));
    parser.on('closetag', () => this.#closed());
  }

  write(chunk: string): void {
    this.#parser.write(chunk);
  }

  end(): FactsOf<'xml'> {
    this.#parser.close();
    return { kind: 'xml', root: this.#root.slice(0, 200), texts: this.#texts };
  }

  #opened(name: string): void {
    if (this.#root === '') this.#root = name;
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.isLeaf = false;
    if (++this.#elements > MAX_ELEMENTS) throw new UnpackFault('too-many-parts', `more than ${MAX_ELEMENTS} elements`);
    if (this.#open.push({ name, text: '', isLeaf: true }) > this.#depth)
      throw new UnpackFault('too-deep', `elements more than ${this.#depth} deep`);
  }

  #heard(text: string): void {
    const here = this.#open.at(-1);
    if (here !== undefined && here.text.length < MAX_TEXT) here.text += text.slice(0, MAX_TEXT - here.text.length);
  }

  #closed(): void {
    const { name, text, isLeaf } = this.#open.pop()!;
    if (isLeaf && text.trim() !== '' && this.#texts.length < MAX_TEXTS)
      this.#texts.push({ name: name.slice(0, 200), text: text.trim() });
  }
}

function refuseDtd(): never {
  throw new UnpackFault('xml-dtd', 'it has a document type definition');
}

/** UTF-8, or UTF-16 with its mark (XML 1.0 §4.3.3); a parser that believed another label could read another document. */
function decode(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : isBigEndian(bytes) ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new UnpackFault('xml-broken', `it is no ${encoding.toUpperCase()}`);
  }
  // Looked for before the parser reads a declaration whole, subset and all.
  if (hasDtd(text)) refuseDtd();
  const declared =
    /^<\?xml[^>]{0,200}?encoding\s{0,20}=\s{0,20}["']([A-Za-z0-9._-]{1,40})["']/.exec(text)?.[1] ?? encoding;
  if (!/^(utf-?8|us-ascii|utf-16(le|be)?)$/i.test(declared))
    throw new UnpackFault('xml-encoding', `it says ${declared}; only UTF-8 and UTF-16 are read`);
  return text;
}

function isBigEndian([first, second]: Uint8Array): boolean {
  return first === 0xfe && second === 0xff;
}

/** Only what may stand before the first element is passed over: white space, comments, instructions (XML 1.0 §2.8). */
function hasDtd(text: string): boolean {
  let at = 0;
  for (;;) {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
    if (text.startsWith('<!--', at)) at = after(text, '-->', at + 4);
    else if (text.startsWith('<?', at)) at = after(text, '?>', at + 2);
    else return text.startsWith('<!DOCTYPE', at);
  }
}

function after(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? text.length : found + end.length;
}
