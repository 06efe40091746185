// Shadowserver's reports as they appear: asked hourly for the last days, each file taken once by its name. An empty list means
// that nothing was reported, and nothing about anybody.
import { civilFromDays } from '../../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { DAY, HOUR, type Instant } from '../../../core/kernel/time.ts';
import type { Collector, CollectTurn, Json } from '../../../flow/ports.ts';
import type { HttpClient } from '../http/client.ts';
import { downloadReport, type ListedReport, listReports, type ReportsApi } from './reports.ts';

export interface ShadowserverOptions extends ReportsApi {
  readonly client: HttpClient;
  readonly everyMs?: number;
  readonly lookBackMs?: number;
  /** Of the account: only these reports; none = all that it may see. */
  readonly reports?: readonly string[];
  /** Only these types; none = all. */
  readonly types?: readonly string[];
}

interface Progress {
  /** File names with the time they were taken. */
  readonly taken: Readonly<Record<string, Instant>>;
  readonly listedAt?: Instant;
}

/** A name is listed for two days; longer than any list looks back. */
const NAMES_KEPT_MS = 45 * DAY;
const MAX_NAMES = 20_000;
const LOOK_BACK_MS = 2 * DAY;
/** After a stop of days the list reaches back as far as the stop was long, within what is still worth anything. */
const MAX_LOOK_BACK_MS = 30 * DAY;

export class ShadowserverCollector implements Collector {
  readonly way = 'shadowserver-api';
  readonly everyMs: number;
  readonly #options: ShadowserverOptions;

  constructor(options: ShadowserverOptions) {
    this.#options = options;
    this.everyMs = options.everyMs ?? HOUR;
  }

  async collect(turn: CollectTurn): Promise<Result<void, string>> {
    const { client, reports = [], types = [] } = this.#options;
    let progress = readProgress(turn.progress);
    const date = this.#dates(turn.now(), progress.listedAt);
    const list = await listReports(client, this.#options, { date, reports, signal: turn.signal });
    if (!list.ok) return list;
    const fresh = list.value.filter(({ file, type }) => {
      return progress.taken[file] === undefined && (types.length === 0 || types.includes(type));
    });
    const faults: string[] = [];
    for (const report of fresh) {
      if (turn.signal.aborted) return err('stopped before all reports were fetched');
      const fault = await this.#fetch(turn, report);
      // One that cannot be fetched waits for the next turn; the others do not wait for it.
      if (fault !== undefined) {
        faults.push(fault);
        continue;
      }
      progress = { ...progress, taken: { ...progress.taken, [report.file]: turn.now() } };
      await turn.keep(asJson(progress, turn.now()));
    }
    if (faults.length > 0) return err(`${faults.length} of ${fresh.length} reports could not be fetched; ${faults[0]}`);
    await turn.keep(asJson({ ...progress, listedAt: turn.now() }, turn.now()));
    return ok(undefined);
  }

  async #fetch(turn: CollectTurn, report: ListedReport): Promise<string | undefined> {
    const download = await downloadReport(this.#options.client, this.#options, report, turn.signal);
    if (!download.ok) return download.error;
    await turn.take({ name: report.file, bytes: download.value });
    return undefined;
  }

  /** `YYYY-MM-DD:YYYY-MM-DD`, UTC as all of their times. */
  #dates(now: Instant, listedAt: Instant | undefined): string {
    const least = this.#options.lookBackMs ?? LOOK_BACK_MS;
    const back = listedAt === undefined ? least : Math.min(Math.max(least, now - listedAt + DAY), MAX_LOOK_BACK_MS);
    return `${dateOf(now - back)}:${dateOf(now)}`;
  }
}

function dateOf(at: Instant): string {
  const { year, month, day } = civilFromDays(Math.floor(at / DAY));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}`;
}

function asJson({ taken, listedAt }: Progress, now: Instant): Json {
  const kept = Object.entries(taken)
    .filter(([, at]) => at > now - NAMES_KEPT_MS)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_NAMES);
  return { taken: Object.fromEntries(kept), ...(listedAt === undefined ? {} : { listedAt }) };
}

/** Ours, but from a disk: without it the last days are fetched again, and their rows are known. */
function readProgress(value: Json | undefined): Progress {
  const { taken, listedAt } = (value ?? {}) as Partial<Progress>;
  const isMap = typeof taken === 'object' && taken !== null && !Array.isArray(taken);
  return { taken: isMap ? taken : {}, ...(typeof listedAt === 'number' ? { listedAt } : {}) };
}
