// sharing.yaml as it is written: keys, units and what has a default. What the values mean together is sharing.ts's.
import { z } from 'zod';
import { parseRfc3339 } from '../core/kernel/civil.ts';
import { entryFault, type Lw4o6Entry } from '../core/line/sharing/lw4o6.ts';
import type { PortRange } from '../core/net/transport.ts';
import { always, strict } from './document.ts';
import { filePath, ip4, ip6, prefix, slug } from './scalars.ts';

const MOST_RULES = 10_000;
const MOST_INLINE_ENTRIES = 10_000;
const DAY_MINUTES = 14 * 60;

const instant = z.string().transform((text, context) => {
  const at = parseRfc3339(text);
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'a time with its zone, such as 2026-01-31T00:00:00+09:00' });
  return z.NEVER;
});

const head = {
  id: slug,
  realm: slug.default('main'),
  insideRealm: slug.default('main'),
  validFrom: instant.optional(),
  validTo: instant.optional(),
};
const psidOffset = z.int().min(0).max(15);

const mapE = strict({
  kind: z.literal('map-e'),
  ...head,
  ipv6Prefix: prefix,
  ipv4Prefix: prefix,
  eaLength: z.int().min(0).max(48),
  /** 6 in RFC 7597, 4 in the layout before it: no default, since the wrong one names neighbours. */
  psidOffset,
  layout: z.enum(['rfc7597', 'draft-03']),
  psid: strict({ length: z.int().min(0).max(16), value: z.int().min(0).max(65_535) }).optional(),
});

const hosts = z.enum(['usable', 'all']);

const ports = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  z.string().transform((text, context): PortRange => {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text);
    const [low, high] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (low <= high && high <= 65_535) return { low, high };
    context.addIssue({ code: 'custom', message: 'a port or a range of ports, such as 5060 or "0-1023"' });
    return z.NEVER;
  }),
);

const zone = z.string().transform((text, context) => {
  const match = /^([+-])([01][0-9]):([0-5][0-9])$/.exec(text);
  const minutes = (Number(match?.[2]) * 60 + Number(match?.[3])) * (match?.[1] === '-' ? -1 : 1);
  if (Math.abs(minutes) <= DAY_MINUTES) return minutes * 60_000;
  context.addIssue({ code: 'custom', message: 'an offset from UTC, such as +09:00' });
  return z.NEVER;
});

const ALGORITHM = 'sequential: other algorithms of RFC 7422 cannot be computed, use the log of the CGN';

const deterministic = strict({
  kind: z.literal('deterministic-cgn'),
  ...head,
  inside: prefix.optional(),
  insideLength: z.int().min(1).max(128).optional(),
  insideHosts: hosts.optional(),
  outside: z.array(prefix).min(1).max(1000).optional(),
  outsideHosts: hosts.optional(),
  ratio: z.int().min(1).max(65_535).optional(),
  dynamicFactor: z.int().min(0).max(65_535).optional(),
  algorithm: z.literal('sequential', ALGORITHM).optional(),
  reservedPorts: z.array(ports).max(1000).optional(),
  /** In place of the values: the line the CGN wrote, and the zone of its clock. */
  record: z.string().min(1).max(8192).optional(),
  recordZone: zone.optional(),
});

const entry = strict({
  ipv4: ip4,
  psid: z.int().min(0),
  psidLength: z.int(),
  psidOffset: psidOffset.default(0),
  b4: ip6,
})
  .transform(({ psidOffset: offset, ...rest }): Lw4o6Entry => ({ ...rest, offset }))
  .superRefine((one, context) => {
    const expected = entryFault(one);
    if (expected !== undefined) context.addIssue({ code: 'custom', message: expected });
  });

const lw4o6 = strict({
  kind: z.literal('lw4o6'),
  ...head,
  entries: z.array(entry).min(1).max(MOST_INLINE_ENTRIES).optional(),
  tableFile: filePath.optional(),
  /** csv: `ipv4,psid,psid_length,psid_offset,b4`. snabb: the configuration of a Snabb lwAFTR. */
  tableFormat: z.enum(['csv', 'snabb']).default('csv'),
}).refine((one) => (one.entries === undefined) !== (one.tableFile === undefined), 'entries or tableFile, one of them');

export const sharingFile = strict({
  rules: z
    .array(z.discriminatedUnion('kind', [mapE, deterministic, lw4o6]))
    .max(MOST_RULES)
    .check(
      always((list, fault) => {
        const seen = new Set<unknown>();
        for (const [i, one] of list.entries()) {
          if (one?.id !== undefined && seen.has(one.id))
            fault([i, 'id'], 'each id once: a rule that changes is another rule');
          seen.add(one?.id);
          if (one?.validFrom !== undefined && one.validTo !== undefined && one.validTo <= one.validFrom)
            fault([i, 'validTo'], 'a time after validFrom');
        }
      }),
    ),
});

export type FileRule = z.output<typeof sharingFile>['rules'][number];
