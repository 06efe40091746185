// `feeds` of engawa.yaml: which feeds there are, in which format each comes and how it is fetched.
import { z } from 'zod';
import { strict } from './document.ts';
import { slug } from './scalars.ts';

export const feedSchema = strict({
  name: slug,
  kind: z.literal('shadowserver'),
  /** A Shadowserver file writes UTC, whatever zone its reader lives in: any other word would name other households. */
  timeZone: z.literal('UTC', 'UTC: the times of a Shadowserver file are UTC, always').default('UTC'),
  origin: slug.optional(),
});
