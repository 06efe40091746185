// `feeds` of engawa.yaml: which feeds there are and in which format each comes. A kind has its own settings and no others; what
// all kinds share stands once, in `common`.
import { z } from 'zod';
import { DAY, MINUTE, SECOND } from '../core/kernel/time.ts';
import { REPORT_CLASSES } from '../core/report/report.ts';
import { strict } from './document.ts';
import { duration, line, prefix, slug, timeZone } from './scalars.ts';

/** Of every feed, whatever its kind. */
const common = {
  name: slug,
  /** Sources of one origin never corroborate each other. */
  origin: slug.optional(),
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
  timeZone,
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

export const feedSchema = z.discriminatedUnion('kind', [shadowserver, abusehub, xarf, n6, intelmq, suricata, arf]);

/** A feed as the readers of formats get it. */
export type FeedConfig = z.output<typeof feedSchema>;
