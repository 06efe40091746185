// Which reader reads which configured feed: the one place where a kind of configuration meets a format. How a file is fetched
// and what becomes of its rows is somebody else's.
import type { FeedConfig } from './config/feeds.ts';
import type { FeedReader } from './core/report/feed.ts';
import { readShadowserver } from './protocols/shadowserver/parse.ts';

/** Cheap: a reader holds nothing between two files. */
export function readerOf(feed: FeedConfig): FeedReader {
  switch (feed.kind) {
    case 'shadowserver':
      return readShadowserver;
  }
}

/** For callers who know a feed by its name alone. */
export function readerByName(feeds: readonly FeedConfig[]): (name: string) => FeedReader | undefined {
  return (name) => {
    const feed = feeds.find((one) => one.name === name);
    return feed && readerOf(feed);
  };
}
