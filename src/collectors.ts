// The wiring of feeds: which way each is fetched, through one take-in. Part of the wiring, like compose.ts: decides nothing.
import { FolderCollector } from './adapters/collect/folder/folder.ts';
import { HttpClient } from './adapters/collect/http/client.ts';
import { N6Collector } from './adapters/collect/n6/collector.ts';
import { RedisCollector } from './adapters/collect/redis/collector.ts';
import { ShadowserverCollector } from './adapters/collect/shadowserver/collector.ts';
import type { Engine } from './compose.ts';
import { type FeedWay, SILENCE_MS } from './config/collect.ts';
import type { FeedConfig } from './config/feeds.ts';
import { assertNever } from './core/kernel/result.ts';
import type { Prefix } from './core/net/prefix.ts';
import { readerByName } from './feed-formats.ts';
import { Collectors } from './flow/collect.ts';
import type { Collector } from './flow/ports.ts';
import { type TakeInParts, takeIn } from './flow/take-in.ts';

/** How a file of a feed is taken in here, whoever brings it. */
export function takeInParts(engine: Engine, decide: () => Promise<unknown>): TakeInParts {
  const { config, flow, feedBook } = engine;
  return {
    ...flow,
    readerOf: readerByName(config.feeds),
    familyOf: (word) => config.families.slugByName.get(word.trim().toLowerCase()),
    book: feedBook,
    decide,
  };
}

export function createCollectors(engine: Engine, decide: () => Promise<unknown>): Collectors {
  const { config, flow, reserved } = engine;
  const parts = takeInParts(engine, decide);
  const sources = config.ways.flatMap((way) => {
    const collector = collectorOf(way, reserved);
    return collector === undefined ? [] : [{ name: way.feed, collector }];
  });
  return new Collectors({ ...flow, takeIn: (file) => takeIn(parts, file), random: Math.random }, sources);
}

/** undefined = nothing is fetched: it is sent to us. */
function collectorOf(way: FeedWay, reserved: readonly Prefix[]): Collector | undefined {
  switch (way.kind) {
    case 'folder':
      return new FolderCollector({ folder: way.folder });
    case 'shadowserver-api':
      return new ShadowserverCollector({ ...way, client: new HttpClient({ ...way, reserved }) });
    case 'n6':
      return new N6Collector({ ...way, client: new HttpClient({ ...way, reserved }) });
    case 'redis':
      return new RedisCollector(way);
    case 'post':
      return undefined;
    default:
      return assertNever(way);
  }
}

/** How long a feed may bring nothing: as configured; a day where we fetch it; as long as it likes where somebody brings it. */
export function silenceOf(feed: FeedConfig): number | undefined {
  return feed.silence ?? (feed.collect === undefined ? undefined : SILENCE_MS);
}
