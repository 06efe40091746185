// «Take in a mail»: the original is kept first, then it is opened, then it is asked who answers for it, and only then does a
// part of it reach the reader of a feed. Mail of strangers is kept with the reason and does nothing. Repeatable: the same mail
// again counts once.

import { err, ok, type Result } from '../core/kernel/result.ts';
import { feedOf, type MailRoute } from '../core/mail/route.ts';
import { signersOf, type Untrusted } from '../core/mail/signers.ts';
import type { DkimKeys, UnpackError, UnpackedMail, UnpackedPart, Unpacker } from './ports.ts';
import { isArchive, type TakeInParts, takeIn } from './take-in.ts';

export interface MailboxRules {
  readonly name: string;
  /** `transport`: nobody but authenticated senders can put a mail there, whatever it says. */
  readonly trust: 'dkim' | 'transport';
  readonly routes: readonly MailRoute[];
}

export interface TakeMailParts extends TakeInParts {
  readonly unpacker: Unpacker;
  readonly keys: DkimKeys;
}

export type MailOutcome =
  /** Rows came in, or were known. */
  | { readonly state: 'taken'; readonly feeds: readonly string[]; readonly rows: number }
  /** Kept, and never to act: complaints and incident documents. */
  | { readonly state: 'evidence'; readonly text: string }
  /** Kept with the reason; a person may look. */
  | { readonly state: 'parked'; readonly code: string; readonly text: string }
  /** Nothing can be said now: the same mail again. */
  | { readonly state: 'later'; readonly text: string };

type Decided = Exclude<MailOutcome, { state: 'later' }>;

/** Durable when it resolves. Rejects when nothing may be acknowledged: a full disk, an unpacker that does not start. */
export async function takeMail(
  parts: TakeMailParts,
  rules: MailboxRules,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<MailOutcome> {
  const hash = await parts.evidence.keep(bytes);
  const outcome = await judged(parts, rules, bytes, signal);
  if (outcome.state !== 'later') await record(parts, { hash, source: rules.name, bytes: bytes.length }, outcome);
  return outcome;
}

/** For a mail that waited too long for what it needs. The original is kept already. */
export async function parkMail(
  parts: Pick<TakeMailParts, 'store' | 'evidence' | 'clock'>,
  source: string,
  bytes: Uint8Array,
  fault: UnpackError,
): Promise<void> {
  const hash = await parts.evidence.keep(bytes);
  await record(parts, { hash, source, bytes: bytes.length }, parked(fault));
}

async function record(
  parts: Pick<TakeMailParts, 'store' | 'clock'>,
  mail: { readonly hash: string; readonly source: string; readonly bytes: number },
  outcome: Decided,
): Promise<void> {
  const reason = 'text' in outcome ? { reason: reasonOf(outcome).slice(0, 500) } : {};
  const state = outcome.state === 'parked' ? ('parked' as const) : ('accepted' as const);
  const receivedAt = parts.clock.now();
  await parts.store.acceptReports({ ...mail, name: MAIL_NAME, receivedAt, state, ...reason }, [], []);
}

/** Of every kept mail: what it calls itself is a stranger's word. */
export const MAIL_NAME = 'mail.eml';

function reasonOf(outcome: Extract<Decided, { text: string }>): string {
  return outcome.state === 'parked' ? `${outcome.code}: ${outcome.text}` : outcome.text;
}

async function judged(
  parts: TakeMailParts,
  rules: MailboxRules,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<MailOutcome> {
  const opened = await parts.unpacker.mail(bytes, signal);
  if (!opened.ok) return parked(opened.error);
  const mail = opened.value;
  const signers = rules.trust === 'transport' ? ok(undefined) : await signersFor(parts, rules, { mail, bytes, signal });
  if (!signers.ok && signers.error.state === 'later') return signers.error;
  // RFC 5965 §2: whoever sends a complaint, it proves nothing about a line. A route may name a feed for it that never acts.
  const isComplaint = mail.reportType === 'feedback-report';
  if (!signers.ok && isComplaint) return { state: 'evidence', text: 'a complaint (ARF), of nobody we know' };
  if (!signers.ok) return signers.error;
  const files = await filesOf(parts.unpacker, mail.parts, signal);
  const routed = routedOf(rules.routes, files, { signers: signers.value, subject: mail.subject });
  if (routed.some(({ feed }) => feed !== undefined)) return takeRouted(parts, routed);
  if (isComplaint) return { state: 'evidence', text: 'a complaint (ARF)' };
  return withoutRoute(parts.unpacker, mail, signal);
}

function parked({ code, text }: Untrusted | UnpackError): Decided {
  return { state: 'parked', code, text };
}

interface Opened {
  readonly mail: UnpackedMail;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
}

/** Keys are asked for configured domains alone: no stranger's mail makes us ask a name of its choice. */
async function signersFor(
  { unpacker, keys, clock }: TakeMailParts,
  { routes }: MailboxRules,
  { mail, bytes, signal }: Opened,
): Promise<Result<readonly string[], MailOutcome>> {
  const domains = [...new Set(routes.flatMap(({ dkim }) => dkim ?? []))];
  const claimed = await unpacker.dkim(bytes, { now: clock.now(), keys: {} }, signal);
  if (!claimed.ok) return err(parked(claimed.error));
  const asked = claimed.value.filter((one) => one.asked && domains.includes(one.domain)).slice(0, MAX_KEYS);
  const found: Record<string, readonly string[]> = {};
  for (const name of new Set(asked.map(({ keyName }) => keyName))) {
    const answer = await keys.txt(name, signal);
    if (!answer.ok) return err({ state: 'later', text: answer.error });
    found[name] = answer.value;
  }
  // Without a key to check there is no second look: the first has said all.
  const verified = asked.length === 0 ? claimed : await unpacker.dkim(bytes, { now: clock.now(), keys: found }, signal);
  if (!verified.ok) return err(parked(verified.error));
  const signers = signersOf(mail, verified.value, domains);
  return signers.ok ? signers : err(parked(signers.error));
}

/** A mail is signed once or twice; more of one domain is somebody trying. */
const MAX_KEYS = 5;
/** Unpacked octets of one mail, over all its archives. */
const MAX_UNPACKED = 64 * 1024 * 1024;

interface MailFile {
  readonly names: readonly string[];
  readonly name: string;
  readonly bytes: Uint8Array;
  /** It is an archive that could not be opened. */
  readonly fault?: UnpackError;
}

/** Archives are opened here, so that what lies beside a file can be read, too. */
async function filesOf(
  unpacker: Unpacker,
  parts: readonly UnpackedPart[],
  signal: AbortSignal,
): Promise<readonly MailFile[]> {
  const files: MailFile[] = [];
  let unpacked = 0;
  for (const { name, mediaType, bytes } of parts) {
    const label = name === '' ? mediaType : name;
    const whole = { names: [label], name: label.replaceAll('/', '-'), bytes };
    if (!isArchive(whole)) {
      files.push(whole);
      continue;
    }
    const opened = await unpacker.zip(bytes, 'mail', signal);
    unpacked += opened.ok ? opened.value.reduce((sum, entry) => sum + entry.bytes.length, 0) : 0;
    if (!opened.ok || unpacked > MAX_UNPACKED)
      files.push({
        ...whole,
        fault: opened.ok ? { code: 'too-much-out', text: 'too much in its archives' } : opened.error,
      });
    else
      for (const entry of opened.value)
        files.push({ names: [entry.name, label], name: entry.name, bytes: entry.bytes });
  }
  return files;
}

interface RoutedFile extends MailFile {
  readonly feed: string | undefined;
}

function routedOf(
  routes: readonly MailRoute[],
  files: readonly MailFile[],
  mail: { readonly signers: readonly string[] | undefined; readonly subject: string },
): readonly RoutedFile[] {
  return files.map((file) => ({ ...file, feed: feedOf(routes, { ...mail, names: file.names }) }));
}

/** Every part is tried; the first that fails names the reason. What came in stays in. */
async function takeRouted(parts: TakeMailParts, files: readonly RoutedFile[]): Promise<MailOutcome> {
  const feeds: string[] = [];
  const faults: UnpackError[] = [];
  let rows = 0;
  for (const file of files) {
    if (file.feed === undefined) continue;
    if (file.fault !== undefined) {
      faults.push(file.fault);
      continue;
    }
    const beside = files
      .filter((one) => one !== file && one.fault === undefined)
      .map((one) => ({ fileName: one.name, bytes: one.bytes }));
    const taken = await takeIn(parts, { source: file.feed, name: file.name, bytes: file.bytes, beside });
    if (!taken.ok) faults.push(taken.error);
    else {
      feeds.push(file.feed);
      rows += taken.value.total;
    }
  }
  return faults.length > 0 ? parked(faults[0]!) : { state: 'taken', feeds: [...new Set(feeds)], rows };
}

/** An incident document (IODEF, RFC 7970) from somebody we know is kept for people to read; other mail is looked at by one. */
async function withoutRoute(unpacker: Unpacker, mail: UnpackedMail, signal: AbortSignal): Promise<MailOutcome> {
  const documents = mail.parts.filter(({ name, mediaType }) => /[/+]xml$/.test(mediaType) || /\.xml$/i.test(name));
  if (documents.length === 0)
    return { state: 'parked', code: 'no-route', text: 'no route of this mailbox fits a part of it' };
  const roots: string[] = [];
  for (const { bytes } of documents) {
    const read = await unpacker.xml(bytes, signal);
    if (!read.ok) return parked(read.error);
    roots.push(read.value.root);
  }
  return { state: 'evidence', text: `XML: ${roots.join(', ')}`.slice(0, 300) };
}
