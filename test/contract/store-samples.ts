// Values for the contract suite of the store: documentation addresses, cases folded by the real rules.
import { createHash } from 'node:crypto';
import type { Case, CaseEvent } from '../../src/core/casefile/case.ts';
import { evolve } from '../../src/core/casefile/evolve.ts';
import type { Line } from '../../src/core/line/line.ts';
import { parseIp } from '../../src/core/net/ip.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import type { Report } from '../../src/core/report/report.ts';
import type { AuditDraft, CaseChange, EvidenceFile, ReportOutcome } from '../../src/flow/ports.ts';

export const NOW = Date.UTC(2026, 10, 22, 9, 0, 0);

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function sampleReport(n: number, change: Partial<Report> = {}): Report {
  return {
    id: sha256(`report ${n}`),
    source: 'sinkhole.example',
    type: 'event4_sinkhole',
    class: 'infected-handshake',
    mayAct: true,
    family: 'mirai',
    ip: parseIp(`198.51.100.${n % 256}`)!,
    port: 40000 + (n % 1000),
    protocol: 'tcp',
    destinationIp: parseIp('2001:db8::5')!,
    destinationPort: 23,
    observedAt: NOW - n,
    precisionMs: 1000,
    evidence: { hash: sha256('file'), line: n + 2 },
    extra: { asn: '64500', note: 'a "quoted" \u0000 value' },
    ...change,
  };
}

export function sampleFile(change: Partial<EvidenceFile> = {}): EvidenceFile {
  const name = '2026-11-22-event4_sinkhole-example.csv';
  return { hash: sha256('file'), source: 'feed', name, receivedAt: NOW, bytes: 1234, state: 'accepted', ...change };
}

export function sampleOutcome(n: number, change: Partial<ReportOutcome> = {}): ReportOutcome {
  return {
    reportId: sha256(`report ${n}`),
    attribution: 'unique',
    attributionReason: 'one-holder',
    lineId: 'line-1',
    epoch: 1,
    caseId: 'case-1',
    decision: 'quarantine',
    reason: 'rule-matched',
    evidence: { candidates: 1, deltaMs: 5000 },
    ...change,
  };
}

export function sampleLine(n: number, change: Partial<Line> = {}): Line {
  return {
    id: `line-${n}`,
    epoch: 1,
    accessKey: `user-${n}`,
    customerNo: `C-${1000 + n}`,
    class: 'home',
    protected: false,
    staticPrefixes: [parsePrefix(`203.0.113.${n % 256}`)!, parsePrefix('2001:db8:1::/48')!],
    realm: 'main',
    email: `home${n}@example.net`,
    phone: `+8150${String(n).padStart(8, '0')}`,
    language: 'ja',
    termsVersion: '2026-04',
    contract: 'active',
    epochStartedAt: NOW - 1_000_000,
    ...change,
  };
}

type Opening = Partial<Extract<CaseEvent, { type: 'case-opened' }>>;

const opening = (caseId: string, change: Opening): CaseEvent => ({
  type: 'case-opened',
  caseId,
  lineId: 'line-1',
  epoch: 1,
  family: 'mirai',
  checkCode: sha256(caseId).slice(0, 8).toUpperCase(),
  policyVersion: 'sha256:policy',
  ruleId: 'handshakes',
  legalBasis: 'terms §7',
  expiresAt: NOW + 30 * 86_400_000,
  ...change,
});

export const quarantined = (access: 'leaky' | 'strict' = 'strict'): CaseEvent => ({
  type: 'quarantined',
  access,
  ruleId: 'handshakes',
  policyVersion: 'sha256:policy',
  legalBasis: 'terms §7',
  expiresAt: NOW + 30 * 86_400_000,
});

export const closed: CaseEvent = { type: 'closed', reason: 'staff', by: { kind: 'staff', name: 'op-1' } };

/** The change that appends these events to `state` (or opens a case). */
export function append(state: Case | undefined, events: readonly CaseEvent[], at = NOW): CaseChange {
  const expectedVersion = state?.version ?? 0;
  let folded = state;
  for (const [i, event] of events.entries()) folded = evolve(folded, { at, event, version: expectedVersion + i + 1 });
  const recorded = events.map((event) => ({ at, actor: { kind: 'policy' } as const, event }));
  return { caseId: folded!.id, expectedVersion, events: recorded, folded: folded! };
}

export function openCase(
  caseId: string,
  change: Opening = {},
  more: readonly CaseEvent[] = [quarantined()],
): CaseChange {
  return append(undefined, [opening(caseId, change), ...more]);
}

export function draft(action: string, change: Partial<AuditDraft> = {}): AuditDraft {
  return { at: NOW, actor: { kind: 'policy' }, action, detail: {}, ...change };
}
