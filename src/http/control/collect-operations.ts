// What an engineer asks about feeds: how each reaches us, what it brought, why it does not; and «fetch now».
import { formatInstant } from '../../core/kernel/civil.ts';
import type { CollectState } from '../../flow/collect.ts';
import type { FeedRecord } from '../../flow/feed-book.ts';
import type { Operations } from '../../flow/operations.ts';
import type { Json } from '../../flow/ports.ts';
import { text } from './input.ts';
import { notDone } from './refusal.ts';

export interface ConfiguredFeed {
  readonly name: string;
  readonly kind: string;
  /** `folder`, `shadowserver-api`, `n6`, `redis`, `post`, or `by hand`. */
  readonly way: string;
  readonly silenceMs?: number;
}

export interface FeedDesk {
  readonly feeds: readonly ConfiguredFeed[];
  readonly book: {
    of(feed: string): FeedRecord | undefined;
    silentMs(feed: string, allowed?: number): number | undefined;
  };
  /** undefined = no service runs: nothing is fetched by itself. */
  readonly standing: (() => readonly CollectState[]) | undefined;
  /** One turn; undefined = this feed is not fetched. */
  readonly now: (feed: string) => Promise<CollectState | undefined>;
}

export function collectOperations(desk: FeedDesk): Operations {
  return {
    'feeds.list': async () => {
      const states = new Map((desk.standing?.() ?? []).map((state) => [state.name, state]));
      return {
        isService: desk.standing !== undefined,
        feeds: desk.feeds.map((feed) => viewOf(desk, feed, states.get(feed.name))),
      };
    },
    'feeds.collect': async (input) => {
      const name = text(input, 'name');
      const feed = desk.feeds.find((one) => one.name === name);
      if (feed === undefined) throw notDone('feed-unknown', `no feed «${name}» is configured. Next: engawa feeds list`);
      const before = desk.book.of(name);
      const state = await desk.now(name);
      if (state === undefined)
        throw notDone(
          'feed-not-fetched',
          `«${name}» comes ${feed.way}: there is nothing to fetch. Next: engawa ingest FILE --source ${name}`,
        );
      if (state.error !== undefined) throw notDone('feed-not-collected', `${name}: ${state.error}`);
      const after = desk.book.of(name);
      return {
        feed: name,
        files: (after?.files ?? 0) - (before?.files ?? 0),
        parked: (after?.parked ?? 0) - (before?.parked ?? 0),
        rows: (after?.rows ?? 0) - (before?.rows ?? 0),
        refused: (after?.refused ?? 0) - (before?.refused ?? 0),
      };
    },
  };
}

function viewOf(desk: FeedDesk, feed: ConfiguredFeed, state: CollectState | undefined): Json {
  const known = desk.book.of(feed.name);
  const at = (instant: number | undefined) => (instant === undefined ? null : formatInstant(instant));
  return {
    name: feed.name,
    kind: feed.kind,
    way: feed.way,
    lastFileAt: at(known?.lastFileAt),
    lastFile: known?.lastFile ?? null,
    files: known?.files ?? 0,
    parked: known?.parked ?? 0,
    rows: known?.rows ?? 0,
    refused: known?.refused ?? 0,
    emptyFile: known?.emptyFile ?? null,
    silentMs: desk.book.silentMs(feed.name, feed.silenceMs) ?? null,
    isRunning: state?.isRunning ?? false,
    lastSuccessAt: at(state?.lastSuccessAt),
    nextRunAt: at(state?.nextRunAt),
    failuresInARow: state?.failuresInARow ?? 0,
    error: state?.error ?? null,
  };
}
