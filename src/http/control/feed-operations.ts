// What comes in by hand: feed files, lines, policies. Readers of formats are handed in by the wiring.
import { setImmediate as turn } from 'node:timers/promises';
import { formatInstant } from '../../core/kernel/civil.ts';
import type { Result } from '../../core/kernel/result.ts';
import type { Line } from '../../core/line/line.ts';
import type { Flow } from '../../flow/assemble.ts';
import { applyLines } from '../../flow/lines.ts';
import { OperationRefused, type Operations } from '../../flow/operations.ts';
import type { Json } from '../../flow/ports.ts';
import type { ArrivedFile, Parked, Taken } from '../../flow/take-in.ts';
import { flag, optionalCount, text } from './input.ts';
import { notDone } from './refusal.ts';

export interface LinesDiffView {
  readonly added: readonly Line[];
  readonly changed: readonly { readonly line: Line; readonly fields: readonly string[] }[];
  readonly newEpoch: readonly Line[];
  readonly removed: readonly Line[];
  readonly unchanged: number;
}

export interface FeedTools {
  readonly sources: readonly string[];
  /** How long originals are kept, parked ones too. */
  readonly evidenceKeptMs: number;
  readonly takeIn: (file: ArrivedFile, progress: (rows: number) => void) => Promise<Result<Taken, Parked>>;
  readonly readLines: (
    bytes: Uint8Array,
  ) => Promise<
    (current: ReadonlyMap<string, Line>, replace: { readonly maxRemoved: number } | undefined) => LinesDiffView
  >;
  readonly afterLines: () => Promise<void>;
  readonly activatePolicy: (
    text: string,
    name: string,
    by: string,
  ) => Promise<{ readonly changed: boolean; readonly version: string }>;
  readonly policyTexts: () => readonly {
    readonly version: string;
    readonly name: string;
    readonly text: string;
    readonly activatedAt: number;
    readonly by: string;
  }[];
}

export function feedOperations(flow: Flow, tools: FeedTools): Operations {
  const take = async (
    file: { readonly source: string; readonly name: string; readonly bytes: Uint8Array },
    progress: (rows: number) => void,
  ): Promise<Json> => {
    if (!tools.sources.includes(file.source)) {
      throw new OperationRefused({
        kind: 'usage',
        code: 'source-unknown',
        text: `no feed «${file.source}» is configured; known: ${tools.sources.join(', ') || 'none'}`,
      });
    }
    const taken = await tools.takeIn(file, progress);
    if (!taken.ok) {
      const { code, text: why, evidenceHash } = taken.error;
      const hash = evidenceHash.slice(0, 12);
      throw notDone(
        code,
        `${file.name}: ${why}. The file is parked as ${hash}; nothing of it was taken in. Next: mend it and ingest again, or engawa ingest --replay ${hash}.`,
      );
    }
    const result = taken.value;
    return {
      source: file.source,
      types: [...result.types],
      remarks: result.remarks.map((one) => ({ ...one })),
      evidence: result.evidenceHash,
      rows: {
        total: result.total,
        accepted: result.accepted.length,
        duplicate: result.duplicates,
        refused: result.refusedTotal,
      },
      truncated: result.truncated,
      ...(await outcomesOf(flow, result.accepted)),
      refused: result.refused.map((row) => ({ ...row })),
    };
  };

  return {
    ingest: async (input, { body, progress }) =>
      take({ source: text(input, 'source'), name: text(input, 'name'), bytes: body ?? new Uint8Array() }, (rows) =>
        progress({ rows }),
      ),
    'ingest.replay': async (input, { progress }) => {
      const wanted = text(input, 'hash');
      const parked = (await flow.store.evidenceFiles({ state: 'parked', limit: 10_000 })).filter((file) =>
        file.hash.startsWith(wanted),
      );
      if (parked.length !== 1)
        throw notDone(
          'parked-not-found',
          `${parked.length} parked files begin with «${wanted}». Next: engawa ingest --parked lists them.`,
        );
      const file = parked[0]!;
      const bytes = await flow.evidence.read(file.hash);
      if (bytes === undefined)
        throw notDone('evidence-gone', `the original of ${file.name} is past its retention and deleted`);
      const name = input['name'] === undefined ? file.name : text(input, 'name');
      return take({ source: file.source, name, bytes }, (rows) => progress({ rows }));
    },
    'ingest.parked': async () => {
      const files = await flow.store.evidenceFiles({ state: 'parked', limit: 200 });
      return {
        parked: files.map((file) => ({
          hash: file.hash,
          source: file.source,
          name: file.name,
          reason: file.reason ?? '',
          bytes: file.bytes,
          // The original goes with all evidence, read or not: until then it can be replayed.
          keptUntil: formatInstant(file.receivedAt + tools.evidenceKeptMs),
        })),
      };
    },
    'lines.import': async (input, { body, by }) => {
      const replace = flag(input, 'replace');
      const maxRemoved = optionalCount(input, 'maxRemoved');
      if (replace && maxRemoved === undefined)
        throw new OperationRefused({
          kind: 'usage',
          code: 'max-removed-missing',
          text: '--replace ends the contract of absent lines: say how many at most with --max-removed N',
        });
      const current = new Map<string, Line>();
      for await (const line of flow.store.allLines()) current.set(line.id, line);
      const diff = (await tools.readLines(body ?? new Uint8Array()))(
        current,
        replace ? { maxRemoved: maxRemoved! } : undefined,
      );
      const counts = {
        added: diff.added.length,
        changed: diff.changed.length,
        newEpoch: diff.newEpoch.length,
        removed: diff.removed.length,
        unchanged: diff.unchanged,
      };
      const sample = [
        ...diff.added.slice(0, 20).map((line) => `+ ${line.id}`),
        ...diff.changed.slice(0, 20).map(({ line, fields }) => `~ ${line.id}: ${fields.join(', ')}`),
        ...diff.newEpoch.slice(0, 20).map((line) => `! ${line.id}: new customer, epoch ${line.epoch}`),
        ...diff.removed.slice(0, 20).map((line) => `- ${line.id}: contract ended`),
      ];
      if (flag(input, 'dryRun')) return { dryRun: true, ...counts, sample };
      const { casesClosed } = await applyLines(
        flow,
        {
          ...diff,
          changed: diff.changed.map(({ line }) => line),
          fields: new Map(diff.changed.map(({ line, fields }) => [line.id, fields])),
        },
        by,
      );
      await tools.afterLines();
      return { dryRun: false, ...counts, casesClosed, sample };
    },
    'policy.activate': async (input, { by, body }) => {
      const answer = await tools.activatePolicy(
        new TextDecoder().decode(body ?? new Uint8Array()),
        text(input, 'name'),
        by,
      );
      return { ...answer };
    },
    'policy.show': async () => {
      const active = flow.policies.active();
      const texts = tools.policyTexts();
      return {
        active: active.version,
        name: active.name,
        rules: active.rules.map((rule) => ({ id: rule.id, ladder: rule.ladder.map((step) => step.do) })),
        text: texts.find((one) => one.version === active.version)?.text ?? '',
        history: texts.map(({ version, name, activatedAt, by }) => ({ version, name, activatedAt, by })),
      };
    },
  };
}

/** Look-ups before other work gets its turn: a file may hold a million rows. */
const OUTCOMES_PER_TURN = 500;

/** How the accepted rows ended, by attribution and decision. */
async function outcomesOf(
  flow: Flow,
  accepted: readonly string[],
): Promise<{ readonly outcomes: Record<string, number>; readonly wouldAct: number }> {
  const outcomes: Record<string, number> = {};
  let wouldAct = 0;
  for (const [i, id] of accepted.entries()) {
    if (i % OUTCOMES_PER_TURN === 0) await turn();
    const outcome = (await flow.store.report(id))?.outcome;
    const key = outcome === undefined ? 'pending' : `${outcome.attribution}/${outcome.decision}`;
    outcomes[key] = (outcomes[key] ?? 0) + 1;
    if (outcome !== undefined && ['notice', 'leaky', 'strict', 'held'].includes(outcome.decision)) wouldAct++;
  }
  return { outcomes, wouldAct };
}
