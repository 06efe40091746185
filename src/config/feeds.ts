// `feeds` of engawa.yaml: which feeds there are and in which format each comes. A kind has its own settings and no others; what
// all kinds share stands once, in `common`.
import { z } from 'zod';
import { DAY, MINUTE, SECOND } from '../core/kernel/time.ts';
import type { FeedProfile } from '../core/report/feed-profile.ts';
import { REPORT_CLASSES } from '../core/report/report.ts';
import { collectSchema, silenceSchema } from './collect.ts';
import { strict } from './document.ts';
import { duration, feedZone, line, prefix, slug } from './scalars.ts';

/** Of every feed, whatever its kind. */
const common = {
  name: slug,
  /** Sources of one origin never corroborate each other. */
  origin: slug.optional(),
  collect: collectSchema.optional(),
  /** A warning when it brings nothing for so long; 24 h for a feed that is fetched, when left out. */
  silence: silenceSchema.optional(),
};

const shadowserver = strict({
  kind: z.literal('shadowserver'),
  ...common,
  /** A Shadowserver file writes UTC, whatever zone its reader lives in: any other word would name other households. */
  timeZone: z.literal('UTC', 'UTC: the times of a Shadowserver file are UTC, always').default('UTC'),
});

const abusehub = strict({
  kind: z.literal('abusehub'),
  ...common,
  /** Its files write local time without saying so: `Europe/Amsterdam`, unless the hub says otherwise. No default: a guess. */
  timeZone: feedZone,
});

const xarf = strict({
  kind: z.literal('xarf'),
  ...common,
  /** How far the clocks of its reporters may be off. */
  clock: duration(SECOND, DAY).default(15 * MINUTE),
});

const n6 = strict({ kind: z.literal('n6'), ...common });

const intelmq = strict({
  kind: z.literal('intelmq'),
  ...common,
  /** Events of feeds that are right less often (`feed.accuracy`, 0–100) never act. */
  leastAccuracy: z.int().min(0).max(100).default(50),
});

/** What an alert means here: a rule's author does not know what it proves. Without a rule an alert is information. */
const alertRule = strict({
  signatures: z.array(z.int().min(1).max(4_294_967_295)).max(1000).default([]),
  categories: z.array(line(120)).max(50).default([]),
  class: z.enum(REPORT_CLASSES),
  /** Which end of the packet the class speaks of; `home`: whichever is ours. */
  accuses: z.enum(['source', 'destination', 'home']).default('source'),
  family: slug.optional(),
}).refine((rule) => rule.signatures.length + rule.categories.length > 0, 'at least one of signatures and categories');

const suricata = strict({
  kind: z.literal('suricata-eve'),
  ...common,
  /** Our lines as the sensor sees them: inside or outside of a translator, wherever it stands. */
  homeNet: z.array(prefix).min(1).max(200),
  alerts: z.array(alertRule).max(500).default([]),
});

const arf = strict({ kind: z.literal('arf'), ...common });

const profile = strict({
  kind: z.literal('profile'),
  ...common,
  /** Names of mapping profiles: of Engawa's or of the folder `feedProfiles`. Several: dialects that a file's comments tell apart. */
  profiles: z.array(slug).min(1).max(8),
});

export const feedSchema = z.discriminatedUnion('kind', [
  shadowserver,
  abusehub,
  xarf,
  n6,
  intelmq,
  suricata,
  arf,
  profile,
]);

type FeedFile = z.output<typeof feedSchema>;
type ProfileFeed = Extract<FeedFile, { kind: 'profile' }>;

/** A feed as the readers of formats get it. */
export type FeedConfig =
  | Exclude<FeedFile, ProfileFeed>
  | (Omit<ProfileFeed, 'profiles'> & { readonly profiles: readonly FeedProfile[] });

type NamedFault = { readonly path: string; readonly expected: string; readonly got: string };

/** Names of profiles become the profiles. */
export function withProfiles(
  feed: FeedFile,
  known: ReadonlyMap<string, FeedProfile>,
): { readonly feed: FeedConfig; readonly faults: readonly NamedFault[] } {
  if (feed.kind !== 'profile') return { feed, faults: [] };
  const profiles = feed.profiles.flatMap((name) => known.get(name) ?? []);
  const faults = feed.profiles.flatMap((name, i) =>
    known.has(name)
      ? []
      : [
          {
            path: `profiles[${i}]`,
            expected: `one of the profiles ${[...known.keys()].join(', ')}`,
            got: JSON.stringify(name),
          },
        ],
  );
  // One reading of the bytes for all of them; which one holds is told by the text.
  const readings = new Set(profiles.map(({ format }) => JSON.stringify({ ...format, columns: 0, mayGrow: 0 })));
  if (readings.size > 1 || profiles.slice(0, -1).some((one) => one.toldBy === undefined))
    faults.push({
      path: 'profiles',
      expected: 'profiles of one format, separator, comment and quotes, each but the last with toldBy',
      got: feed.profiles.join(', '),
    });
  return { feed: { ...feed, profiles }, faults };
}
