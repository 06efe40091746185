// Which reader reads which configured feed: the one place where a kind of configuration meets a format. How a file is fetched
// and what becomes of its rows is somebody else's.
import type { FeedConfig } from './config/feeds.ts';
import type { FeedReader } from './core/report/feed.ts';
import { readAbusehub } from './protocols/abusehub/read.ts';
import { readArf } from './protocols/arf/read.ts';
import { readIntelmq } from './protocols/intelmq/read.ts';
import { readN6 } from './protocols/n6/read.ts';
import { readProfiles } from './protocols/profile/read.ts';
import { readShadowserver } from './protocols/shadowserver/parse.ts';
import { readSuricata } from './protocols/suricata/read.ts';
import { readXarf } from './protocols/xarf/read.ts';

/** Cheap: a reader holds nothing between two files. */
export function readerOf(feed: FeedConfig): FeedReader {
  switch (feed.kind) {
    case 'shadowserver':
      return readShadowserver;
    case 'abusehub':
      return readAbusehub(feed);
    case 'xarf':
      return readXarf({ clockMs: feed.clock });
    case 'n6':
      return readN6;
    case 'intelmq':
      return readIntelmq(feed);
    case 'suricata-eve':
      return readSuricata(feed);
    case 'arf':
      return readArf;
    case 'profile':
      return readProfiles(feed.profiles);
  }
}

/** For callers who know a feed by its name alone. */
export function readerByName(feeds: readonly FeedConfig[]): (name: string) => FeedReader | undefined {
  return (name) => {
    const feed = feeds.find((one) => one.name === name);
    return feed && readerOf(feed);
  };
}
