// The feed a file is tried as: the configured one of that name; without a configuration, NAME is a kind that needs no settings.
import { existsSync } from 'node:fs';
import { type FeedConfig, feedSchema } from '../config/feeds.ts';
import { CliFault, configPath, type GlobalOptions, readConfig } from './context.ts';

export function dryRunFeed(name: string, options: GlobalOptions): FeedConfig {
  const path = configPath(options);
  if (!existsSync(path)) return unconfigured(name, path);
  const feeds = readConfig(options).feeds;
  const feed = feeds.find((one) => one.name === name);
  if (feed !== undefined) return feed;
  throw new CliFault(
    2,
    'source-unknown',
    `no feed «${name}» is configured; known: ${feeds.map((one) => one.name).join(', ') || 'none'}`,
  );
}

function unconfigured(name: string, path: string): FeedConfig {
  const feed = feedSchema.safeParse({ name, kind: name });
  if (feed.success && feed.data.kind !== 'profile') return feed.data;
  throw new CliFault(
    2,
    'source-unknown',
    `«${name}» is no kind of feed that can be read without settings, and there is no configuration at ${path}`,
  );
}
