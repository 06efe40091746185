// A mail as its leaves, each by itself and decoded from its transfer encoding; mails inside mails stay closed. Who sent it is
// not looked at: no address is parsed for a meaning.
import PostalMime, { decodeWords } from 'postal-mime';
import type { FactsOf, Limits } from '../protocols/unpack/messages.ts';
import { plain, UnpackFault } from './fault.ts';
import { readHead } from './head.ts';
import type { Outlet } from './outlet.ts';

/** The tree that postal-mime builds; its public result joins inline texts, and reports come as inline texts, too. */
interface Node {
  readonly childNodes: readonly Node[];
  readonly contentType: { readonly parsed: Structured; readonly multipart: string | false };
  readonly contentDisposition: { readonly parsed: Structured };
  readonly content: ArrayBuffer | null;
}
interface Structured {
  readonly value: string;
  readonly params: Readonly<Record<string, string>>;
}

export async function readMail(bytes: Buffer, outlet: Outlet, limits: Limits): Promise<FactsOf<'mail'>> {
  const head = readHead(bytes);
  const parser = new PostalMime({ maxNestingDepth: limits.depth, forceRfc822Attachments: true });
  try {
    await parser.parse(bytes);
  } catch (cause) {
    const isDeep = /nesting depth/.test(plain(cause));
    throw new UnpackFault(isDeep ? 'too-deep' : 'mail-broken', plain(cause));
  }
  const { root } = parser as unknown as { root: Node };
  for (const leaf of leavesOf(root)) {
    const { value, params } = leaf.contentType.parsed;
    await outlet.part(nameOf(leaf), value);
    if (leaf.content !== null) await outlet.bytes(asUtf8(Buffer.from(leaf.content), value, params['charset']));
  }
  const { parsed } = root.contentType;
  return {
    kind: 'mail',
    fields: [...head.fields],
    isStrict: head.isStrict,
    mediaType: parsed.value.slice(0, 200),
    reportType: (parsed.params['report-type'] ?? '').toLowerCase().slice(0, 200),
    subject: decodeWords(head.fields.find(({ name }) => name === 'subject')?.value ?? '').slice(0, 2000),
  };
}

function* leavesOf(node: Node): Generator<Node> {
  if (node.contentType.multipart === false) yield node;
  for (const child of node.childNodes) yield* leavesOf(child);
}

function nameOf({ contentType, contentDisposition }: Node): string {
  return decodeWords(contentDisposition.parsed.params['filename'] ?? contentType.parsed.params['name'] ?? '');
}

/** Readers of feeds read UTF-8. A charset that nobody knows leaves the bytes as they are, for the reader to refuse. */
function asUtf8(bytes: Buffer, mediaType: string, charset: string | undefined): Uint8Array {
  if (!mediaType.startsWith('text/') || charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return bytes;
  try {
    return Buffer.from(new TextDecoder(charset.trim()).decode(bytes));
  } catch {
    return bytes;
  }
}
