// What is asked of the unpacking process and what it answers, as types and as checks. Whatever comes out of that process was
// made by code that had hostile bytes in its hands: here it is data from outside again.
import { z } from 'zod';
import type { Frame } from './frames.ts';

export interface Limits {
  /** Parts of a mail, entries of an archive. */
  readonly parts: number;
  /** Multiparts inside multiparts; elements inside elements. */
  readonly depth: number;
  /** Octets of all parts together. */
  readonly bytesOut: number;
}

export type Job =
  | { readonly kind: 'mail' | 'zip' | 'xml'; readonly limits: Limits }
  | {
      readonly kind: 'dkim';
      readonly limits: Limits;
      /** Milliseconds, for signatures that expire. */
      readonly now: number;
      /** TXT records of `selector._domainkey.domain`, strings joined; empty at first, to learn what is asked. */
      readonly keys: Readonly<Record<string, readonly string[]>>;
    };

const text = (most: number) => z.string().max(most);
const field = z.object({ name: text(200), value: text(20_000) });

const mailFacts = z.object({
  kind: z.literal('mail'),
  /** Of the top, in order, unfolded; values as they were sent. */
  fields: z.array(field).max(1000),
  /** `multipart/report` and the like, lower case, without parameters. */
  mediaType: text(200),
  /** Of a `multipart/report`. */
  reportType: text(200),
  subject: text(2000),
  /** The header block follows RFC 5322 to the letter: two parsers read the same fields in it. */
  isStrict: z.boolean(),
});
const dkimFacts = z.object({
  kind: z.literal('dkim'),
  signatures: z
    .array(
      z.object({
        domain: text(255),
        keyName: text(600),
        result: text(20),
        comment: text(200),
        /** Lower case names of the header fields that it covers. */
        covers: z.array(text(200)).max(1000),
        /** No `l=`: the whole body is covered. */
        isWhole: z.boolean(),
        /** The key's record says `t=y`. */
        isTesting: z.boolean(),
        /** It got so far that its key was looked up. */
        asked: z.boolean(),
      }),
    )
    .max(100),
});
const xmlFacts = z.object({
  kind: z.literal('xml'),
  root: text(200),
  /** Elements that hold text and nothing else, in order; the first so many. */
  texts: z.array(z.object({ name: text(200), text: text(1000) })).max(1000),
});
const zipFacts = z.object({ kind: z.literal('zip') });

const said = z.discriminatedUnion('is', [
  z.object({ is: z.literal('ready') }),
  z.object({ is: z.literal('part'), name: text(255), mediaType: text(200) }),
  z.object({ is: z.literal('bytes') }),
  z.object({ is: z.literal('fault'), code: text(60).regex(/^[a-z][a-z0-9-]*$/), text: text(500) }),
  z.object({
    is: z.literal('done'),
    facts: z.discriminatedUnion('kind', [mailFacts, dkimFacts, xmlFacts, zipFacts]),
    /** Resident octets, so that a swollen process is replaced. */
    resident: z.int().min(0),
  }),
]);

export type Said = z.output<typeof said>;
export type Facts = Extract<Said, { is: 'done' }>['facts'];
export type FactsOf<K extends Facts['kind']> = Extract<Facts, { kind: K }>;

/** undefined = no sentence of this language. */
export function readSaid(frame: Frame): Said | undefined {
  const read = said.safeParse(frame.head);
  return read.success ? read.data : undefined;
}
