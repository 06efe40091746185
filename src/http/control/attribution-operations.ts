// Who held what, what could not be attributed, and the facts an engineer supplies so that it can: for the command line.
import { formatInstant, parseRfc3339 } from '../../core/kernel/civil.ts';
import type { Instant } from '../../core/kernel/time.ts';
import type { Attribution } from '../../core/line/attribution.ts';
import { MAX_CORRECTION_MS } from '../../core/line/corrections.ts';
import type { Line } from '../../core/line/line.ts';
import type { SharingRules } from '../../core/line/sharing/rules.ts';
import { formatIp, parseIp } from '../../core/net/ip.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import type { Flow } from '../../flow/assemble.ts';
import { type DeskRow, deskRows, rerun } from '../../flow/desk.ts';
import { OperationRefused, type Operations } from '../../flow/operations.ts';
import type { DeskQuery, Json } from '../../flow/ports.ts';
import type { SourceView } from '../../flow/source-quality.ts';
import { who } from '../../flow/who.ts';
import { oneOf, optionalCount, optionalText, text } from './input.ts';
import { notDone } from './refusal.ts';

type Input = Readonly<Record<string, Json>>;

export interface AttributionTools {
  /** All faults as one text, or the rules. */
  readonly readSharing: (
    text: string,
    name: string,
  ) => { readonly ok: true; readonly rules: SharingRules } | { readonly ok: false; readonly text: string };
}

const PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;
const KINDS = ['ambiguous', 'stale', 'none'] as const;
const DESK_PAGE = 50;
/** Each is asked about anew. */
const DESK_MOST = 500;
const RERUN_MOST = 100_000;

export function attributionOperations(flow: Flow, tools: AttributionTools): Operations {
  return {
    who: async (input) => {
      const ip = parseIp(text(input, 'address'));
      if (ip === undefined) throw usage('address-invalid', 'address: expected an IPv4 or IPv6 address in plain form');
      const port = portOf(input);
      const protocol = input['protocol'] === undefined ? undefined : oneOf(input, 'protocol', PROTOCOLS);
      const at = instantOf(input, 'at');
      const answer = await who(flow, {
        ip,
        at,
        ...(port === undefined ? {} : { port }),
        ...(protocol === undefined ? {} : { protocol }),
      });
      return {
        address: formatIp(ip),
        port: port ?? null,
        protocol: protocol ?? null,
        at: formatInstant(at),
        ...attributionView(answer.attribution),
        line: answer.line === undefined ? null : lineView(answer.line),
        candidates: answer.candidates.map(lineView),
        sharingRules: flow.facts.sharing().version.slice(0, 12),
      };
    },
    'desk.list': async (input) => {
      const rows = await deskRows(flow, {
        ...deskQuery(input),
        limit: Math.min(optionalCount(input, 'limit') ?? DESK_PAGE, DESK_MOST),
      });
      return {
        counts: (await flow.store.unresolvedCounts()).map((one) => ({ ...one })),
        reports: rows.map(rowView),
        next: rows.at(-1)?.seq ?? null,
      };
    },
    'desk.rerun': async (input, { by, progress }) => {
      const reason = text(input, 'reason');
      const limit = Math.min(optionalCount(input, 'limit') ?? RERUN_MOST, RERUN_MOST);
      const answer = await rerun(flow, deskQuery(input), { name: by, reason, limit }, (asked) => progress({ asked }));
      return { ...answer };
    },
    'clock.correct': async (input, { by }) => {
      const of = oneOf(input, 'of', ['nas', 'translator', 'feed'] as const);
      const offsetMs = offsetOf(input);
      const [fromAt, toAt] = [instantOf(input, 'from'), instantOf(input, 'to')];
      if (toAt <= fromAt) throw usage('span-invalid', 'from must lie before to');
      const id = flow.ids.id();
      const given = { id, of, name: text(input, 'name'), offsetMs, fromAt, toAt, by, reason: text(input, 'reason') };
      if (!(await flow.facts.correct(given)))
        throw notDone('too-many-corrections', 'there are 500 corrections already: take back those that are not needed');
      return { id };
    },
    'clock.corrections': async () => ({
      corrections: flow.facts.corrections().map((one) => ({
        ...one,
        fromAt: formatInstant(one.fromAt),
        toAt: formatInstant(one.toAt),
        at: formatInstant(one.at),
      })),
    }),
    'clock.take-back': async (input, { by }) => {
      const id = text(input, 'id');
      if (!(await flow.facts.takeBack(id, by))) throw notDone('correction-unknown', `no correction has the id ${id}`);
      return { id };
    },
    'sharing.load': async (input, { by, body }) => {
      const name = text(input, 'name');
      const content = new TextDecoder().decode(body ?? new Uint8Array());
      const read = tools.readSharing(content, name);
      if (!read.ok) throw notDone('sharing-invalid', `${name} is not valid:\n${read.text}`);
      const before = flow.facts.sharing().version;
      if (before !== read.rules.version) await flow.facts.giveSharing(read.rules, { text: content, name, by });
      return { version: read.rules.version, rules: read.rules.rules.length, changed: before !== read.rules.version };
    },
    'sharing.show': async () => {
      const rules = flow.facts.sharing();
      return {
        version: rules.version,
        rules: rules.rules.map((rule) => ({
          id: rule.id,
          kind: rule.kind,
          realm: rule.realm,
          validFrom: rule.validFromAt === undefined ? null : formatInstant(rule.validFromAt),
          validTo: rule.validToAt === undefined ? null : formatInstant(rule.validToAt),
        })),
        history: flow.facts
          .history()
          .map(({ name, version, by, at }) => ({ name, version, by, at: formatInstant(at) })),
      };
    },
    'feeds.quality': async () => ({ sources: flow.quality.view().map(qualityView) }),
    'feeds.restore': async (input, { by }) => {
      const name = text(input, 'name');
      if (!(await flow.quality.restore(name, by, text(input, 'reason'))))
        throw notDone('source-not-demoted', `«${name}» is not demoted; engawa feeds quality shows which are`);
      return { name };
    },
  };
}

function attributionView(attribution: Attribution): Record<string, Json> {
  const { binding } = attribution;
  return {
    kind: attribution.kind,
    reason: attribution.reason,
    provisional: attribution.provisional,
    deltaSeconds: attribution.deltaMs / 1000,
    window: { from: when(attribution.window.fromAt), to: when(attribution.window.toAt) },
    via: (attribution.via ?? []).map((one) => ({
      kind: one.kind,
      id: one.id.split('\u0000')[0] ?? one.id,
      realm: one.realm,
      inside: formatPrefix(one.inside),
    })),
    binding:
      binding === undefined
        ? null
        : {
            source: binding.source,
            nas: binding.nas ?? null,
            prefix: formatPrefix(binding.via?.inside ?? binding.prefix),
            from: when(binding.certainFromAt ?? binding.startAt),
            evidenceUntil: when(binding.certainEndAt),
            ended: binding.endAt === undefined ? null : when(binding.endAt),
            closedBy: binding.closedBy ?? null,
          },
  };
}

/** A static prefix and a rule hold since ever, or for good. */
function when(at: Instant): string | null {
  return Number.isFinite(at) ? formatInstant(at) : null;
}

function lineView(line: Line): Record<string, Json> {
  return { id: line.id, class: line.class, protected: line.protected, contract: line.contract };
}

function rowView({ report, outcome, now, candidates, seq }: DeskRow): Record<string, Json> {
  return {
    id: report.id,
    seq,
    source: report.source,
    type: report.type,
    class: report.class,
    family: report.family,
    address: formatIp(report.ip),
    port: report.port ?? null,
    observedAt: formatInstant(report.observedAt),
    kind: outcome.attribution,
    reason: outcome.attributionReason,
    now: { kind: now.attribution.kind, reason: now.attribution.reason },
    candidates: candidates.map((line) => line.id),
  };
}

function qualityView(one: SourceView): Record<string, Json> {
  return {
    name: one.name,
    reports: one.reports,
    unresolvedShare: one.unresolvedShare,
    cases: one.cases,
    wrongShare: one.wrongShare,
    lastAt: one.lastAt === undefined ? null : formatInstant(one.lastAt),
    sudden: one.sudden ?? null,
    demoted: one.demoted === undefined ? null : { ...one.demoted, at: formatInstant(one.demoted.at) },
  };
}

function deskQuery(input: Input): Omit<DeskQuery, 'limit'> {
  const kind = input['kind'] === undefined ? undefined : oneOf(input, 'kind', KINDS);
  const source = optionalText(input, 'source');
  const reason = optionalText(input, 'code');
  const sinceAt = input['since'] === undefined ? undefined : instantOf(input, 'since');
  const beforeSeq = optionalCount(input, 'before');
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(source === undefined ? {} : { source }),
    ...(reason === undefined ? {} : { reason }),
    ...(sinceAt === undefined ? {} : { sinceAt }),
    ...(beforeSeq === undefined ? {} : { beforeSeq }),
  };
}

function portOf(input: Input): number | undefined {
  const port = optionalCount(input, 'port');
  if (port !== undefined && (port < 1 || port > 65_535)) throw usage('port-invalid', 'port: expected 1–65535');
  return port;
}

function offsetOf(input: Input): number {
  const offset = input['offsetMs'];
  if (
    typeof offset !== 'number' ||
    !Number.isSafeInteger(offset) ||
    offset === 0 ||
    Math.abs(offset) > MAX_CORRECTION_MS
  )
    throw usage('offset-invalid', 'offset: expected a span other than 0 of at most 26 hours, e.g. +90s, -1h');
  return offset;
}

function instantOf(input: Input, name: string): Instant {
  const at = parseRfc3339(text(input, name));
  if (at === undefined)
    throw usage('time-invalid', `${name}: expected RFC 3339 with Z or an offset, e.g. 2026-03-04T05:06:07Z`);
  return at;
}

function usage(code: string, words: string): OperationRefused {
  return new OperationRefused({ kind: 'usage', code, text: words });
}
