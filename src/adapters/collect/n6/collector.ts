// Events of an n6 instance over its REST API, paged by `modified.min`: each page begins a little before the newest event seen, so
// that what was inserted late is not missed; what was seen there is recognised by its id. What an event means is the format's.
import { formatInstant, parseRfc3339 } from '../../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import { DAY, HOUR, type Instant, MINUTE } from '../../../core/kernel/time.ts';
import type { Collector, CollectTurn, Json } from '../../../flow/ports.ts';
import { jsonValues } from '../../../protocols/feed/json-values.ts';
import type { HttpAnswer, HttpFault } from '../http/answer.ts';
import type { HttpClient } from '../http/client.ts';

export interface N6Options {
  readonly client: HttpClient;
  /** `https://HOST/report/inside.json`. */
  readonly url: string;
  readonly key: string;
  readonly everyMs?: number;
}

interface Progress {
  /** Everything modified before this was taken. */
  readonly fromAt: Instant;
  /** Versions of events inside the overlap: `id modified`. */
  readonly seen: readonly string[];
}

interface Event {
  readonly version: string;
  readonly modifiedAt: Instant;
}

const FIRST_BACK_MS = 2 * DAY;
const OVERLAP_MS = 15 * MINUTE;
/** One page: after a long stop the past is fetched in pieces. */
const PAGE_MS = DAY;
const LEAST_PAGE_MS = MINUTE;
/** An event may be told long after it happened; `time.min` is mandatory and must not cut those off. */
const TOLD_LATE_MS = 30 * DAY;
/** Their clock may be ahead of ours, not by more than this. */
const MOST_AHEAD_MS = HOUR;
const MAX_SEEN = 100_000;
const PAGES_PER_TURN = 200;

export class N6Collector implements Collector {
  readonly way = 'n6';
  readonly everyMs: number;
  readonly #options: N6Options;

  constructor(options: N6Options) {
    this.#options = options;
    this.everyMs = options.everyMs ?? 5 * MINUTE;
  }

  async collect(turn: CollectTurn): Promise<Result<void, string>> {
    let progress = readProgress(turn.progress) ?? { fromAt: turn.now() - FIRST_BACK_MS, seen: [] };
    let pageMs = PAGE_MS;
    for (let pages = 0; pages < PAGES_PER_TURN; pages++) {
      if (turn.signal.aborted) return err('stopped before all events were fetched');
      const untilAt = progress.fromAt + pageMs;
      const answer = await this.#page(progress.fromAt, untilAt, turn.signal);
      if (!answer.ok && answer.error.kind === 'too-large' && pageMs > LEAST_PAGE_MS) {
        pageMs = Math.max(LEAST_PAGE_MS, pageMs / 4);
        continue;
      }
      if (!answer.ok) return err(answer.error.text);
      const events = await readEvents(answer.value);
      if (!events.ok) return events;
      const next = await this.#takePage(turn, { progress, untilAt, bytes: answer.value.body, events: events.value });
      await turn.keep({ fromAt: next.fromAt, seen: [...next.seen] });
      // The piece that reaches into the present is the last: what comes now is the next turn's.
      if (untilAt > turn.now() || next.fromAt <= progress.fromAt) return ok(undefined);
      progress = next;
    }
    return ok(undefined);
  }

  #page(fromAt: Instant, untilAt: Instant, signal: AbortSignal): Promise<Result<HttpAnswer, HttpFault>> {
    const url = new URL(this.#options.url);
    url.searchParams.set('time.min', formatInstant(fromAt - TOLD_LATE_MS));
    url.searchParams.set('modified.min', formatInstant(fromAt));
    url.searchParams.set('modified.until', formatInstant(untilAt));
    return this.#options.client.send({
      url: url.href,
      headers: { Authorization: `Bearer ${this.#options.key}`, Accept: 'application/json' },
      signal,
    });
  }

  /** The page is taken as it came when anything of it is new; where the next one begins. */
  async #takePage(
    turn: CollectTurn,
    page: {
      readonly progress: Progress;
      readonly untilAt: Instant;
      readonly bytes: Buffer;
      readonly events: readonly Event[];
    },
  ): Promise<Progress> {
    const { progress, untilAt, bytes, events } = page;
    const known = new Set(progress.seen);
    if (events.some(({ version }) => !known.has(version)))
      await turn.take({ name: `n6-${formatInstant(progress.fromAt).replace(/[^0-9TZ]/g, '')}.json`, bytes });
    // A page that ended long ago is complete. One that reaches into the present is complete up to its newest event: their clock
    // counts, not ours.
    const isPast = untilAt <= turn.now() - HOUR;
    // An event of tomorrow would move everything that is changed until then out of sight.
    const latest = turn.now() + MOST_AHEAD_MS;
    const newestAt = events.reduce(
      (newest, { modifiedAt }) => (modifiedAt > latest ? newest : Math.max(newest, modifiedAt)),
      0,
    );
    const fromAt = isPast ? untilAt : Math.max(progress.fromAt, Math.min(newestAt, untilAt) - OVERLAP_MS);
    const seen = events.filter(({ modifiedAt }) => modifiedAt >= fromAt).map(({ version }) => version);
    return { fromAt, seen: seen.slice(0, MAX_SEEN) };
  }
}

/** One event that is no good JSON costs itself, as in the file: a name that a bot chose must not stop what follows. */
async function readEvents({ status, body }: HttpAnswer): Promise<Result<readonly Event[], string>> {
  if (status !== 200) {
    const said = body
      .toString('utf8', 0, 120)
      .replace(/[^\x20-\x7e]/g, ' ')
      .trim();
    return err(`HTTP ${status}${said === '' ? '' : `: «${said}»`}`);
  }
  const first = body.find((byte) => ![9, 10, 13, 32].includes(byte));
  if (first === 0x7b) return err('the answer is no list of events');
  if (first !== 0x5b) return err('the answer is no JSON');
  const events: Event[] = [];
  for await (const { value } of jsonValues([body])) {
    if (!value.ok && value.error.code === 'json-cut') return err('the answer is no JSON (json-cut)');
    events.push(eventOf(value.ok ? value.value : undefined));
  }
  return ok(events);
}

/** An event without a time of its own is new every time; the format refuses the row, and says why. */
function eventOf(value: unknown): Event {
  const { id, modified } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const modifiedAt = typeof modified === 'string' ? parseRfc3339(modified) : undefined;
  return { version: `${String(id).slice(0, 64)} ${String(modified).slice(0, 35)}`, modifiedAt: modifiedAt ?? 0 };
}

function readProgress(value: Json | undefined): Progress | undefined {
  const { fromAt, seen } = (value ?? {}) as Partial<Progress>;
  if (typeof fromAt !== 'number' || !Array.isArray(seen)) return undefined;
  return { fromAt, seen: seen.filter((one) => typeof one === 'string') };
}
