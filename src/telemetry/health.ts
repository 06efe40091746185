// Standing warnings as data: what is wrong now, since when, about what, and what to do. `engawa status` and metrics
// read the list; each beginning and end is logged once. Keeps no history.
import type { Instant } from '../core/kernel/time.ts';
import type { Json, Log } from '../flow/ports.ts';

export const WARNINGS = {
  'service-down': {
    severity: 'critical',
    text: 'The service is not running: gardens stay, nothing is decided or repaired',
    next: 'systemctl start engawa; journalctl -u engawa',
  },
  'clock-assumed': { severity: 'warning', text: 'The clock is only assumed to be right', next: 'set clock.source' },
  'clock-unsynchronised': {
    severity: 'critical',
    text: 'The clock is not synchronised: no new gardens, nothing expires',
    next: 'check time service',
  },
  'clock-jumped': {
    severity: 'critical',
    text: 'The clock jumped: no new gardens, nothing expires',
    next: 'look at date, then engawa clock confirm',
  },
  'hold-on': { severity: 'warning', text: 'Hold is on: no new gardens, no repair', next: 'engawa hold off' },
  'breaker-hold': { severity: 'critical', text: 'The breaker waits for a decision', next: 'engawa breaker show' },
  'policy-missing': {
    severity: 'critical',
    text: 'The active policy does not load any more: nothing is decided',
    next: 'engawa policy activate',
  },
  'medical-waiting': {
    severity: 'critical',
    text: 'A household says that a medical device needs the line, and nobody has looked',
    next: 'engawa case list --turn support',
  },
  'source-names-us': {
    severity: 'warning',
    text: 'A source reports addresses of our own infrastructure',
    next: 'ask the source; it acted on nobody',
  },
  'source-demoted': {
    severity: 'critical',
    text: 'A source is over its limit: what it says goes to review, nothing of it acts',
    next: 'engawa feeds quality; engawa feeds restore NAME when the reason is mended',
  },
  'unresolved-share': {
    severity: 'warning',
    text: 'Much of what is reported names no line: a mapping, a log or a clock is missing',
    next: 'engawa desk list',
  },
  'source-sudden': {
    severity: 'warning',
    text: 'A source says far more today than on its usual day',
    next: 'engawa feeds quality; engawa breaker show',
  },
  'gateway-unreachable': { severity: 'critical', text: 'The gateway does not answer', next: 'check the helper' },
  'gateway-changed': { severity: 'critical', text: 'The ruleset is not ours any more', next: 'engawa gateway check' },
  'gateway-silent': {
    severity: 'critical',
    text: 'A BNG answers no request: its secret, our source address or one of the clocks is wrong, or it is down',
    next: 'engawa gateway list; check secret, client address and NTP on the BNG, then engawa gateway probe',
  },
  'gateway-old-secret': {
    severity: 'warning',
    text: 'A BNG answers to the previous secret only',
    next: 'change the secret on the BNG, then remove the second file of secretFiles',
  },
  'gateway-stopped': {
    severity: 'critical',
    text: 'A BNG refuses our orders for good',
    next: 'engawa gateway list; mend names or dialect, then engawa gateway retry',
  },
  'gateway-drift': {
    severity: 'critical',
    text: 'A BNG acknowledged orders that are not in force',
    next: 'engawa gateway list; check the filters and services on the BNG',
  },
  'releases-waiting': {
    severity: 'critical',
    text: 'Lines that are free by our books are not yet released by their BNG',
    next: 'engawa gateway list',
  },
  'lines-at-next-login': {
    severity: 'warning',
    text: 'A BNG knows no session for lines in the garden: it applies at their next login, if AAA is connected',
    next: 'engawa gateway list; check accounting and AAA',
  },
  'gateway-offload': {
    severity: 'critical',
    text: 'Flows of subscribers are offloaded: packets in them are not judged, a line in the garden goes on',
    next: 'take the access interfaces out of the flowtable; docs/linux-gateways.md',
  },
  'resolver-behind': {
    severity: 'warning',
    text: 'The resolver beside a gateway does not follow',
    next: 'check unbound and its folder; docs/linux-gateways.md',
  },
  'aaa-database': {
    severity: 'critical',
    text: 'The AAA database is not in step: a re-dial may open a garden, or keep a free line inside',
    next: 'check database and account; docs/aaa.md',
  },
  'dns-front-down': {
    severity: 'critical',
    text: 'The DNS front does not answer; steering is off',
    next: 'check the resolver',
  },
  'lifeline-unresolved': {
    severity: 'warning',
    text: 'Names of a lifeline do not resolve',
    next: 'check its DNS names',
  },
  'lifeline-missing': {
    severity: 'critical',
    text: 'A lifeline is not in the kernel',
    next: 'at once: check the helper',
  },
  'audit-tables': {
    severity: 'critical',
    text: 'The tables do not agree with the audit log',
    next: 'engawa audit check; keep the disk as it is',
  },
  'accounting-silent': { severity: 'warning', text: 'No accounting records arrive', next: 'check the NAS' },
  'accounting-not-genuine': {
    severity: 'warning',
    text: 'Accounting records arrive that the secret does not fit',
    next: 'compare the secret on both sides; or somebody pretends to be the NAS',
  },
  'accounting-over-rate': {
    severity: 'warning',
    text: 'A NAS sends more accounting than it may; what is too much is sent again later',
    next: 'raise packetsPerSecond of this client, or look why it sends so much',
  },
  'accounting-previous-secret': {
    severity: 'warning',
    text: 'A NAS still signs with the previous secret',
    next: 'change the secret on the NAS, then remove the second file of secretFiles',
  },
  'nas-clock': {
    severity: 'warning',
    text: 'The clock of a NAS is off by more than was granted: reports about its lines are doubted',
    next: 'NTP on the NAS; or raise skew of this client',
  },
  'own-clock': {
    severity: 'critical',
    text: 'Every NAS disagrees with our clock by the same: ours is wrong',
    next: 'check the time service of this machine',
  },
  'feed-silent': {
    severity: 'warning',
    text: 'A feed has brought nothing for longer than it may; nobody is freed or convicted by that',
    next: 'engawa feeds list; ask the sender',
  },
  'feed-empty': {
    severity: 'warning',
    text: 'The newest file of a feed has no row, although earlier ones had; nobody is freed by that',
    next: 'engawa feeds list; ask the sender',
  },
  'feed-failing': { severity: 'warning', text: 'A feed cannot be fetched', next: 'engawa feeds list' },
  'files-parked': { severity: 'warning', text: 'Feed files could not be read', next: 'engawa ingest --parked' },
  'mailbox-unreachable': {
    severity: 'warning',
    text: 'A mailbox that reports arrive in cannot be read',
    next: 'check server, certificate and account; docs/mailbox.md',
  },
  'mailbox-silent': {
    severity: 'warning',
    text: 'No mail has come into a mailbox for longer than it may',
    next: 'ask the sender; nothing is released because of it',
  },
  'mails-waiting': {
    severity: 'warning',
    text: 'Mails wait because a key or the store cannot be reached; they are tried again',
    next: 'check the resolvers of dns.resolvers and the disk',
  },
  'messages-failing': { severity: 'warning', text: 'Messages are not delivered', next: 'check mail server or webhook' },
  'lines-partial': {
    severity: 'warning',
    text: 'Quarantined lines are not covered on every address',
    next: 'engawa case list --state quarantined',
  },
} as const satisfies Readonly<Record<string, { severity: 'warning' | 'critical'; text: string; next: string }>>;

export type WarningCode = keyof typeof WARNINGS;

export interface HealthWarning {
  readonly code: WarningCode;
  /** What it is about, e.g. a gateway's name; '' when there is only one. */
  readonly subject: string;
  readonly severity: 'warning' | 'critical';
  readonly text: string;
  readonly next: string;
  readonly since: Instant;
  readonly fields: Readonly<Record<string, Json>>;
}

export type Wrong = Pick<HealthWarning, 'code' | 'subject' | 'fields'>;

export interface Health {
  /** Idempotent: `since` stays, fields are replaced. */
  raise(code: WarningCode, subject?: string, fields?: Readonly<Record<string, Json>>): void;
  clear(code: WarningCode, subject?: string): void;
  /** Exactly these stand from now on; what stood and is not among them is over. */
  settle(wrong: readonly Wrong[]): void;
  /** raise or clear, by what was seen just now. */
  set(isWrong: boolean, code: WarningCode, subject?: string, fields?: Readonly<Record<string, Json>>): void;
  /** Critical first, then the oldest. */
  list(): readonly HealthWarning[];
}

/** Subjects come from configuration; the bound is for the day that is not true. */
const MAX_WARNINGS = 1000;

export function createHealth(parts: { readonly now: () => Instant; readonly log: Log }): Health {
  const standing = new Map<string, HealthWarning>();
  const keyOf = (code: WarningCode, subject: string) => `${code}\u0000${subject}`;
  const health: Health = {
    raise(code, subject = '', fields = {}) {
      const known = standing.get(keyOf(code, subject));
      if (known === undefined && standing.size >= MAX_WARNINGS) return;
      standing.set(keyOf(code, subject), {
        code,
        subject,
        ...WARNINGS[code],
        since: known?.since ?? parts.now(),
        fields,
      });
      if (known === undefined) parts.log.warn('HEALTH_RAISED', { warning: code, subject, ...fields });
    },
    clear(code, subject = '') {
      if (standing.delete(keyOf(code, subject))) parts.log.info('HEALTH_CLEARED', { warning: code, subject });
    },
    settle(wrong) {
      const now = new Set(wrong.map(({ code, subject }) => keyOf(code, subject)));
      for (const [key, { code, subject }] of standing) if (!now.has(key)) health.clear(code, subject);
      for (const { code, subject, fields } of wrong) health.raise(code, subject, fields);
    },
    set(isWrong, code, subject = '', fields = {}) {
      if (isWrong) health.raise(code, subject, fields);
      else health.clear(code, subject);
    },
    list: () =>
      [...standing.values()].sort((a, b) =>
        a.severity === b.severity ? a.since - b.since : a.severity === 'critical' ? -1 : 1,
      ),
  };
  return health;
}
