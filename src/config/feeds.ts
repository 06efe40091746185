// `feeds` of engawa.yaml: which feeds there are and in which format each comes. A kind has its own settings and no others; what
// all kinds share stands once, in `common`.
import { z } from 'zod';
import { strict } from './document.ts';
import { slug } from './scalars.ts';

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

export const feedSchema = z.discriminatedUnion('kind', [shadowserver]);

/** A feed as the readers of formats get it. */
export type FeedConfig = z.output<typeof feedSchema>;
