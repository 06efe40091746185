// Every interface the flow needs from the outside. Adapters implement them; the flow never sees a technology.

import type { Actor, Case, CaseEvent, RecordedEvent } from '../core/casefile/case.ts';
import type { Access } from '../core/garden/access.ts';
import type { GardenKey } from '../core/garden/key.ts';
import type { Result } from '../core/kernel/result.ts';
import type { Instant } from '../core/kernel/time.ts';
import type { AccountingRecord } from '../core/line/accounting.ts';
import type { Binding } from '../core/line/binding.ts';
import type { Line } from '../core/line/line.ts';
import type { NasSession } from '../core/line/session.ts';
import type { CoverageSpan, TranslatedProtocol, TranslationEvent } from '../core/line/translation.ts';
import type { Translation } from '../core/line/translations.ts';
import type { Ip, Peer } from '../core/net/ip.ts';
import type { Prefix } from '../core/net/prefix.ts';
import type { ProtocolPort } from '../core/net/transport.ts';
import type { RefusedRow, Report } from '../core/report/report.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

// ---------------------------------------------------------------- time, chance, log

export interface ClockStatus {
  readonly state: 'synchronised' | 'assumed' | 'unsynchronised';
  /** A jump > 2 s against monotonic time was seen and nobody has confirmed it yet: no new gardens. */
  readonly jumped: boolean;
}

/** What was true of the clock when this installation was last sure of it. */
export interface Seen {
  readonly at: Instant;
  /** A jump was seen then and nobody had confirmed it. */
  readonly jumped: boolean;
}

export interface LastSeen {
  /** undefined = a fresh installation. */
  read(): Promise<Seen | undefined>;
  write(seen: Seen): Promise<void>;
}

export interface Clock {
  now(): Instant;
  /** Milliseconds that never go backwards; the breaker's windows slide on it. */
  monotonicMs(): number;
  status(): ClockStatus;
}

export interface Ids {
  /** Time-ordered, unique, URL-safe. */
  id(): string;
  /** 8 Crockford base32 characters, random. */
  checkCode(): string;
}

/** `code` is a key of telemetry/messages.ts; fields never hold personal data or anything we carried for a subscriber. */
export interface Log {
  info(code: string, fields?: Readonly<Record<string, Json | undefined>>): void;
  warn(code: string, fields?: Readonly<Record<string, Json | undefined>>): void;
  error(code: string, fields?: Readonly<Record<string, Json | undefined>>): void;
}

// ---------------------------------------------------------------- store

export interface AuditDraft {
  readonly at: Instant;
  readonly actor: Actor;
  /** Stable word, e.g. `case-opened`, `garden-confirmed`, `lines-imported`. */
  readonly action: string;
  readonly caseId?: string;
  /** The store writes a keyed pseudonym of (lineId, epoch), never the id itself. */
  readonly line?: { readonly lineId: string; readonly epoch: number };
  readonly policyVersion?: string;
  readonly legalBasis?: string;
  /** Never contact data, never anything a subscriber's traffic said. */
  readonly detail: Readonly<Record<string, Json>>;
}

export interface Timer {
  readonly kind: string;
  /** (kind, key) is unique: arming again replaces the due time. */
  readonly key: string;
  readonly dueAt: Instant;
}

export interface CaseChange {
  readonly caseId: string;
  /** 0 for a new case. A mismatch is the ordinary answer `conflict`: reload and decide again. */
  readonly expectedVersion: number;
  readonly events: readonly { readonly at: Instant; readonly actor: Actor; readonly event: CaseEvent }[];
  /** The fold after these events: kept beside them for look-ups. */
  readonly folded: Case;
}

/** What the gateway was told and what it proved, per line and prefix. Written before and after each act. */
export interface EnforcementRecord {
  readonly gateway: string;
  readonly lineId: string;
  readonly prefix: GardenKey;
  readonly access: Access;
  readonly intentAt: Instant;
  readonly ackedAt?: Instant;
  readonly confirmedAt?: Instant;
  readonly failure?: string;
}

export interface ReportOutcome {
  readonly reportId: string;
  readonly attribution: string;
  readonly attributionReason: string;
  readonly lineId?: string;
  readonly epoch?: number;
  readonly caseId?: string;
  readonly decision: string;
  readonly reason: string;
  readonly evidence: Json;
}

/** One atomic unit: all of it is durable when commit() resolves, or none of it happened. */
export interface Change {
  readonly cases?: readonly CaseChange[];
  readonly reportOutcomes?: readonly ReportOutcome[];
  /** Reports that were attributed to nobody and touch no case are pending again; others of these ids stay as they are. */
  readonly reopen?: readonly string[];
  readonly audit?: readonly AuditDraft[];
  readonly arm?: readonly Timer[];
  readonly disarm?: readonly { readonly kind: string; readonly key: string }[];
  readonly enforcement?: readonly EnforcementRecord[];
  readonly lines?: readonly Line[];
  /** Kept pages, addressed by their SHA-256 (hex). */
  readonly pages?: readonly { readonly hash: string; readonly html: string }[];
  readonly settings?: Readonly<Record<string, Json>>;
  readonly messages?: readonly OutboundMessage[];
  /** Form tokens used up by this change; the whole change is refused when one was used before. */
  readonly useTokens?: readonly { readonly id: string; readonly expiresAt: Instant }[];
  /** Journal entries imported by this change. An entry acts once per case (once at all in a change without cases): a
   *  change that only repeats what is known is answered ok and does nothing. */
  readonly journalIds?: readonly string[];
}

export type CommitError = { readonly kind: 'conflict'; readonly caseId: string } | { readonly kind: 'token-used' };

export interface OutboundMessage {
  readonly id: string;
  readonly caseId: string;
  readonly lineId: string;
  readonly channel: 'email' | 'webhook';
  readonly template: string;
  readonly language: string;
  readonly dueAt: Instant;
  readonly attempts: number;
  readonly state: 'waiting' | 'sent' | 'failed';
}

export interface EvidenceFile {
  /** SHA-256 (hex) of the original bytes. */
  readonly hash: string;
  readonly source: string;
  readonly name: string;
  readonly receivedAt: Instant;
  readonly bytes: number;
  readonly state: 'accepted' | 'parked';
  readonly reason?: string;
}

/** At most 100 are named. */
export interface TableFault {
  readonly table: 'audit' | 'case_event' | 'case_file' | 'checkpoint';
  readonly caseId?: string;
  readonly sequence?: number;
  readonly text: string;
}

export interface CaseQuery {
  readonly lineId?: string;
  readonly epoch?: number;
  readonly checkCode?: string;
  readonly open?: boolean;
  readonly state?: Case['state'];
  readonly turn?: Case['turn'];
  /** In the order of their ids otherwise. */
  readonly newestFirst?: boolean;
  readonly limit?: number;
  readonly afterId?: string;
}

export interface DeskQuery {
  readonly kind?: 'ambiguous' | 'stale' | 'none';
  /** Stable code of the attribution. */
  readonly reason?: string;
  readonly source?: string;
  /** Observed since. */
  readonly sinceAt?: Instant;
  /** Older than this place in the order of arrival. */
  readonly beforeSeq?: number;
  readonly limit: number;
}

export interface Store {
  commit(change: Change): Promise<Result<{ readonly auditSequence: number }, CommitError>>;

  // reports and evidence
  /** Durable when it resolves. Known report ids are counted as duplicates and change nothing. */
  acceptReports(
    file: EvidenceFile,
    reports: readonly Report[],
    refused: readonly RefusedRow[],
  ): Promise<{ readonly accepted: readonly string[]; readonly duplicates: number }>;
  /** Accepted, not yet decided, oldest first: work that survives a crash. */
  pendingReports(limit: number): Promise<readonly Report[]>;
  report(id: string): Promise<{ readonly report: Report; readonly outcome?: ReportOutcome } | undefined>;
  reportsOfCase(
    caseId: string,
    limit: number,
  ): Promise<readonly { readonly report: Report; readonly outcome?: ReportOutcome }[]>;
  /** Reports decided for a line inside a window: counts for rules, corroboration, verify. */
  reportsOfLine(lineId: string, epoch: number, fromAt: Instant, toAt: Instant): Promise<readonly Report[]>;
  /** Reports that name no line for sure, newest first by arrival; `seq` is the place to go on from. */
  unresolved(query: DeskQuery): Promise<readonly { readonly id: string; readonly seq: number }[]>;
  unresolvedCounts(): Promise<
    readonly { readonly source: string; readonly kind: string; readonly reason: string; readonly count: number }[]
  >;
  /** Reports attributed by one of these bindings, or over one of these rules or translations (`via`). */
  reportsResting(
    on: { readonly bindings: readonly string[]; readonly steps: readonly string[] },
    limit: number,
  ): Promise<readonly { readonly report: Report; readonly outcome?: ReportOutcome }[]>;
  evidenceFiles(query: {
    readonly state?: 'accepted' | 'parked';
    readonly limit: number;
  }): Promise<readonly EvidenceFile[]>;
  evidenceFile(hash: string): Promise<EvidenceFile | undefined>;

  // lines
  line(id: string): Promise<Line | undefined>;
  lineByAccessKey(accessKey: string): Promise<Line | undefined>;
  /** Customer number or phone, exact. */
  linesBy(query: { readonly customerNo?: string; readonly phone?: string }): Promise<readonly Line[]>;
  lineCount(): Promise<number>;
  allLines(): AsyncIterable<Line>;

  // cases
  case(id: string): Promise<Case | undefined>;
  caseEvents(id: string): Promise<readonly RecordedEvent[]>;
  cases(query: CaseQuery): Promise<readonly Case[]>;
  /** Open cases, counted whole however many there are. */
  openCaseCounts(): Promise<{ readonly states: Readonly<Record<string, number>>; readonly waitForSupport: number }>;
  openCasesOfLine(lineId: string, epoch: number): Promise<readonly Case[]>;
  /** Closed ones too, newest first: the history the ladder and the self-release limits look at. */
  casesOfLine(lineId: string, epoch: number): Promise<readonly Case[]>;
  /** All open cases whose access is not `open`: the wanted state, read whole at start. */
  wantedLines(): Promise<
    readonly {
      readonly lineId: string;
      readonly epoch: number;
      readonly access: Access;
      readonly families: readonly string[];
    }[]
  >;

  // enforcement, timers, settings, pages, tokens, messages
  enforcement(lineId: string): Promise<readonly EnforcementRecord[]>;
  dueTimers(now: Instant, limit: number): Promise<readonly Timer[]>;
  setting(key: string): Promise<Json | undefined>;
  page(hash: string): Promise<string | undefined>;
  dueMessages(now: Instant, limit: number): Promise<readonly OutboundMessage[]>;

  // audit
  /** Signs a checkpoint over everything committed so far. */
  checkpoint(now: Instant): Promise<{ readonly size: number; readonly root: string }>;
  /** Writes log.jsonl, checkpoint, key.pub (and pages/) into an empty or new folder. */
  exportAudit(directory: string, now: Instant): Promise<{ readonly size: number; readonly root: string }>;
  auditOfCase(caseId: string): Promise<readonly Json[]>;
  /** What was changed behind our back: log, signed checkpoints, case events and folded cases must agree. Empty = they
   *  do. Reads everything (in turns): for start, a slow timer and the command line. */
  auditTables(): Promise<readonly TableFault[]>;

  /** Deletes what is past its retention; returns counts per kind. */
  purge(now: Instant): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** Raw feed files: the untouched original, compressed, addressed by hash. Readable by engineers only. */
export interface Evidence {
  /** Durable when it resolves. Same bytes twice = same hash, stored once. */
  keep(bytes: Uint8Array): Promise<string>;
  read(hash: string): Promise<Uint8Array | undefined>;
  remove(hash: string): Promise<void>;
}

// ---------------------------------------------------------------- feeds that are fetched

export interface CollectedFile {
  /** Base name; readers of some formats need it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What became of it. Both are durable: a parked file is not asked for again either. */
export type CollectedAs =
  | { readonly state: 'accepted'; readonly rows: number; readonly refused: number }
  | { readonly state: 'parked'; readonly code: string; readonly text: string };

export interface CollectTurn {
  /** What the last turn kept, undefined before the first. The collector's own. */
  readonly progress: Json | undefined;
  /** Ends a turn that takes too long, and every turn at the stop. */
  readonly signal: AbortSignal;
  now(): Instant;
  /** Durable when it resolves: only then may the other side hear that we have it. Rejects when it could not be stored. */
  take(file: CollectedFile): Promise<CollectedAs>;
  /** Durable when it resolves. Kept after what it stands for was taken: a crash in between takes the same twice, never none. */
  keep(progress: Json): Promise<void>;
}

/** Fetches the files of one feed. Nothing new is an ordinary answer and means nothing about anybody. */
export interface Collector {
  /** As people call it: `folder`, `shadowserver-api`, `n6`, `redis`. */
  readonly way: string;
  readonly everyMs: number;
  /** One look for everything that is new. An error is a sentence without credentials; what was taken before it stays. */
  collect(turn: CollectTurn): Promise<Result<void, string>>;
  close?(): Promise<void>;
}

// ---------------------------------------------------------------- what strangers pack

export interface UnpackedPart {
  /** Base name, '' when it has none. */
  readonly name: string;
  /** Lower case, without parameters; '' in archives. */
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** It is parked with this reason. Codes are stable. */
export interface UnpackError {
  readonly code: string;
  readonly text: string;
}

export interface UnpackedMail {
  /** Leaves, each by itself; mails inside the mail stay closed. */
  readonly parts: readonly UnpackedPart[];
  /** Of the top, in order, names in lower case. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** RFC 5322 to the letter: two parsers read the same fields in it. */
  readonly isStrict: boolean;
  readonly mediaType: string;
  /** Of a `multipart/report`. */
  readonly reportType: string;
  /** Decoded. */
  readonly subject: string;
}

export interface DkimSignature {
  /** Who takes responsibility (`d=`), lower case. */
  readonly domain: string;
  /** `selector._domainkey.domain`. */
  readonly keyName: string;
  readonly result: string;
  readonly comment: string;
  /** Lower case names of the header fields that were hashed. */
  readonly covers: readonly string[];
  /** No `l=`. */
  readonly isWhole: boolean;
  /** The key's record says that the domain is only testing. */
  readonly isTesting: boolean;
  /** It holds as far as it can be told without its key. */
  readonly asked: boolean;
}

/**
 * Opens what hostile hands may have packed, bounded in time, memory, parts, depth and bytes: a fault is the sender's, and the
 * same bytes give it again. Rejects when it cannot work itself (or has too much to do): then nothing was learned, try later.
 */
export interface Unpacker {
  /** `file`: brought or fetched by the operator, and may unfold to what a plain file may have; `mail`: anybody's. */
  zip(
    bytes: Uint8Array,
    from: 'file' | 'mail',
    signal?: AbortSignal,
  ): Promise<Result<readonly UnpackedPart[], UnpackError>>;
  mail(bytes: Uint8Array, signal?: AbortSignal): Promise<Result<UnpackedMail, UnpackError>>;
  /** `keys`: TXT records by name. Without them it tells which are asked. */
  dkim(
    bytes: Uint8Array,
    at: { readonly now: Instant; readonly keys: Readonly<Record<string, readonly string[]>> },
    signal?: AbortSignal,
  ): Promise<Result<readonly DkimSignature[], UnpackError>>;
  /** Well-formed and without a DTD, or a fault. */
  xml(
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<
    Result<
      { readonly root: string; readonly texts: readonly { readonly name: string; readonly text: string }[] },
      UnpackError
    >
  >;
}

export interface FoundMail {
  /** What a log may say of it: `UIDVALIDITY/UID`. */
  readonly place: string;
  /** Octets, as the server says. */
  readonly size: number;
  /** When the server got it. */
  readonly arrivedAt: Instant;
  /** At most `most + 1` octets, whatever size was told. */
  read(most: number): Promise<Uint8Array>;
}

export interface MailWork {
  /** What the adapter keeps between two connections, where the server keeps nothing for it. */
  readonly kept: Json | undefined;
  keep(value: Json): Promise<void>;
  /** Durable when it resolves with `done` or `parked`: only then the server hears of it. `later` leaves the mail where it is. */
  take(mail: FoundMail): Promise<'done' | 'parked' | 'later'>;
  /** All that was there has been looked at. */
  looked(): void;
}

/** A mailbox elsewhere. */
export interface Mailbox {
  /** One connection: every mail that waits, then those that come, until the signal. Rejects with a sentence without credentials. */
  watch(work: MailWork, signal: AbortSignal): Promise<void>;
}

/** Public keys of DKIM (RFC 6376 §3.6.2), asked of the configured resolvers. */
export interface DkimKeys {
  /** TXT records, strings joined; none is an answer. An error is passing: the same question may be answered later. */
  txt(name: string, signal: AbortSignal): Promise<Result<readonly string[], string>>;
}

// ---------------------------------------------------------------- signed deliveries

export type Claimed =
  | { readonly kind: 'fresh' }
  /** Of the same content; `answer` when it was answered. */
  | { readonly kind: 'same'; readonly answer?: Json }
  | { readonly kind: 'other' };

/** Nonces of signed deliveries, over restarts. Bounded: each is forgotten when its time alone would be refused. */
export interface Nonces {
  /** Durable when it resolves. Of two at a time one is fresh. */
  claim(entry: {
    readonly sender: string;
    readonly nonce: string;
    readonly digest: string;
    readonly expiresAt: Instant;
  }): Promise<Claimed>;
  keep(sender: string, nonce: string, answer: Json): Promise<void>;
}

// ---------------------------------------------------------------- bindings

/** What a look-up of one address found around an instant, before any judgement. */
export interface Holders {
  readonly bindings: readonly Binding[];
  /** The NAS's measured clock skew in ms (0 for static), the widest over the bindings. */
  readonly skewMs: number;
  /** Interim interval of the source in ms, for the open tail. */
  readonly interimMs: number;
}

export interface BindingChange {
  /** Every prefix a record of this change spoke of, late records included: decisions resting on them are checked again. */
  readonly touched: readonly { readonly realm: string; readonly prefix: Prefix }[];
  /** Lines whose current set of open bindings changed. */
  readonly accessKeys: readonly string[];
  /** Prefixes that ceased to belong to that access key: their gateway element goes in the same act. */
  readonly ended: readonly {
    readonly accessKey: string;
    readonly realm: string;
    readonly prefix: Prefix;
    readonly nas?: string;
  }[];
  /** Prefixes that a record named for an access key for the first time that day: cases whose reports lie in one of
   *  these, inside the span, are attributed again («wrong-line»). May name more than changed, never less. */
  readonly named?: readonly {
    readonly accessKey: string;
    readonly realm: string;
    readonly prefix: Prefix;
    readonly fromAt: Instant;
    readonly toAt: Instant;
  }[];
}

export interface Bindings {
  /** All bindings (static and accounting) of the address, containing prefixes included, that touch [fromAt, toAt]. */
  holders(realm: string, ip: Ip, fromAt: Instant, toAt: Instant): Promise<Holders>;
  /** The same for every address of a prefix: bindings that contain it, and those inside it. */
  over(realm: string, prefix: Prefix, fromAt: Instant, toAt: Instant): Promise<Holders>;
  /** Open now: what gateway elements are derived from. */
  openOf(accessKey: string): Promise<readonly Binding[]>;
  /** Who holds this address at this moment, for the portal and for new elements; of a shared one, who holds the port. */
  holderNow(realm: string, peer: Peer): Promise<Binding | undefined>;
  /** Told after each durable change, in order; the enforcer reacts within 1 s. */
  onChange(listener: (change: BindingChange) => void): void;
}

// ---------------------------------------------------------------- gateway

export interface GardenElement {
  /**
   * IPv4 /32, IPv6 /48–/64 in a configured length, or a port set of a shared address. Refused by the helper otherwise, or inside
   * infrastructure.
   */
  readonly prefix: GardenKey;
  readonly access: 'leaky' | 'strict';
  /** Reject-and-count going out, drop coming in. Never 53, 80, 123, 443. */
  readonly abusedPorts: readonly ProtocolPort[];
  /** The element frees itself after this; renewed by putting it again. 1–259,200 s. */
  readonly timeoutSeconds: number;
  /** Whose it is, for gateways that are told by sessions: the address may have changed hands since it was ordered. */
  readonly accessKey?: string;
}

export type ElementState = { readonly prefix: GardenKey; readonly access: 'absent' | 'leaky' | 'strict' | 'unknown' };

export type EnforceError =
  | { readonly kind: 'refused'; readonly code: string; readonly text: string }
  | { readonly kind: 'unavailable'; readonly text: string }
  | { readonly kind: 'timeout'; readonly afterMs: number };

export interface DenyCount {
  readonly prefix: GardenKey;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** Absolute packets since the element was made; lower than before = reset. */
  readonly packets: number;
}

/** What a gateway that answers later says about one prefix. */
export interface GatewayWord {
  readonly prefix: Prefix;
  /** The order that is answered; `open` = out of the garden. */
  readonly access: 'open' | 'leaky' | 'strict';
  /** `unproven`: it was confirmed once, and is not any more. */
  readonly word: 'acked' | 'confirmed' | 'refused' | 'unanswered' | 'unproven';
  /** A stable word: `timeout`, `applies-at-next-login`, `nak 401`. */
  readonly failure?: string;
}

export interface Enforcer {
  readonly gateway: string;
  /**
   * One transaction: all or nothing. May be repeated. Ok = acked, not confirmed – except where `onWord` is offered: such a
   * gateway only takes the order, tries until it is done or withdrawn, and says later what came of it.
   */
  apply(change: {
    readonly put: readonly GardenElement[];
    readonly remove: readonly GardenKey[];
  }): Promise<Result<void, EnforceError>>;
  /** The probe that must abort: what the kernel proves now, per prefix. Never throws; doubt is `unknown`. */
  observe(prefixes: readonly GardenKey[]): Promise<readonly ElementState[]>;
  /** Everything in the garden sets, read back in chunks. */
  readBack(): Promise<Result<readonly ElementState[], EnforceError>>;
  /** Compares the ruleset's skeleton with the expected text; `missing` after a foreign flush. */
  skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'>;
  /** Loads the skeleton (when absent or changed) in one transaction that keeps existing elements. Never flushes first. */
  install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>>;
  /** After a release: forget only the flows we steered (never a lifeline's). Coalesced by the helper. */
  forgetSteered(prefixes: readonly GardenKey[]): Promise<Result<void, EnforceError>>;
  denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>>;
  /** Offered by gateways that answer later; told in order. */
  onWord?(listener: (words: readonly GatewayWord[]) => void): void;
  close(): Promise<void>;
}

/** Sessions of gateways that are spoken to per session (RADIUS): what a request to the NAS can identify them by. */
export interface NasSessions {
  /** The newest session that holds this prefix and is not known to be over. */
  holding(prefix: Prefix): NasSession | undefined;
  /** Sessions of this access key on one NAS that are not known to be over, newest first. */
  ofAccessKey(nas: string, accessKey: string): readonly NasSession[];
  /** Told of every accounting record of such a gateway once it is durable, in order. */
  onRecord(listener: (record: AccountingRecord) => void): void;
}

/** What a gateway without read-back was told about one session: written before a packet leaves and after the answer. */
export interface TellingRow {
  readonly gateway: string;
  /** Unique per gateway: of the session it was made for first. */
  readonly key: string;
  /** The adapter's own record, versioned inside. */
  readonly state: Json;
}

export interface Tellings {
  load(gateway: string): readonly TellingRow[];
  /** Durable when it resolves. */
  save(rows: readonly TellingRow[]): Promise<void>;
  drop(gateway: string, keys: readonly string[]): Promise<void>;
}

/** Learned addresses of the DNS front: in the kernel, confirmed, before the answer goes out. */
export interface AllowList {
  allow(
    entries: readonly { readonly pack: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>>;
  lifeline(
    entries: readonly { readonly lifeline: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>>;
  /** Renews @dns_alive (60 s). Called only after a real query through the front was answered. */
  dnsAlive(): Promise<Result<void, EnforceError>>;
  /** The front is about to go: port 53 passes unsteered from now on, not only when @dns_alive ends by itself. */
  dnsOff(): Promise<Result<void, EnforceError>>;
  /**
   * Is this peer in strict (so the front must answer from the garden)? Answered from memory. At a shared address the port tells
   * the lines apart; asked without one, any strict line of the address counts.
   */
  isStrict(peer: Peer): boolean;
  /** isStrict() has seen the kernel's own list once: until then its «no» means «not known». */
  readonly isSeeded: boolean;
}

// ---------------------------------------------------------------- the engineer's stop

export interface Hold {
  readonly on: boolean;
  readonly by?: string;
  readonly at?: Instant;
  readonly reason?: string;
}

/** A file in the state folder: on stops new gardens *and* repair. Read anew at every question, so a file made by hand works. */
export interface HoldSwitch {
  current(): Hold;
  set(hold: { readonly by: string; readonly at: Instant; readonly reason: string }): Promise<void>;
  lift(): Promise<void>;
}

export interface ReleaseEntry {
  readonly id: string;
  readonly lineId: string;
  readonly epoch: number;
  readonly at: Instant;
  readonly by: string;
  readonly reason: string;
}

/** Releases written by `release-all` before it touches the gateway: they hold even when the store cannot be written. */
export interface ReleaseJournal {
  /** Durable (fsync) when it resolves. */
  append(entries: readonly ReleaseEntry[]): Promise<void>;
  /** Everything ever appended and not yet dropped; a torn last line (power cut) is left out. */
  entries(): Promise<readonly ReleaseEntry[]>;
}

// ---------------------------------------------------------------- notifier

export interface Notifier {
  readonly channel: 'email' | 'webhook';
  send(
    message: {
      readonly to: string;
      readonly subject: string;
      readonly text: string;
      readonly language: string;
      readonly checkCode: string;
      readonly messageId: string;
    },
    signal: AbortSignal,
  ): Promise<Result<void, { readonly kind: 'temporary' | 'permanent'; readonly text: string }>>;
}

// ---------------------------------------------------------------- translations

/** What translators of shared addresses log. Who stood behind a port is derived from it (core/line), like bindings. */
export interface Translations {
  /**
   * Durable when it resolves; may be repeated without effect. `heard`: spans, on the translator's clock, for which the source
   * would have noticed a lost record (sequence numbers, TCP): outside of these an open block answers for nothing but its records.
   * A source over plain UDP reports none: its blocks are certain from one repetition to the next (`interim`), two interims after the
   * last, and as far as a record says since when; an allocation and a release alone say nothing about the time between them.
   */
  record(batch: {
    readonly events: readonly TranslationEvent[];
    readonly heard: readonly CoverageSpan[];
  }): Promise<{ readonly stored: number; readonly outside: number }>;
  /** Everybody who may have been behind this port in the window, with the widest clock error of their sources, ms. */
  over(
    realm: string,
    outside: Ip,
    place: { readonly port: number; readonly protocol?: TranslatedProtocol },
    window: { readonly fromAt: Instant; readonly toAt: Instant },
  ): Promise<{ readonly translations: readonly Translation[]; readonly skewMs: number }>;
  /** Told after each durable change, which outside addresses it spoke of. */
  onChange(listener: (outside: readonly Ip[]) => void): void;
}
