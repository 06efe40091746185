// The gateway part of engawa.yaml: facts of the network. A gateway without an emergency lifeline does not load.
import { z } from 'zod';
import { LIFELINE_CLASSES, type Lifeline } from '../core/garden/gateway.ts';
import { strict } from './document.ts';
import { filePath, hostname, ip4, ip6, line, portRange, prefix, slug } from './scalars.ts';

const prefixes = z.array(prefix).max(200).default([]);

const lifeline = strict({
  name: slug,
  class: z.enum(LIFELINE_CLASSES),
  prefixes,
  protocols: z
    .array(z.enum(['tcp', 'udp']))
    .min(1)
    .max(2),
  ports: z.array(portRange).min(1).max(20),
  inbound: z.boolean().default(false),
  dnsNames: z.array(hostname).max(50).default([]),
}).refine((one) => one.prefixes.length + one.dnsNames.length > 0, 'at least one of prefixes and dnsNames');

const lifelines = z
  .array(lifeline)
  .min(1)
  .max(100)
  .refine((list) => list.some((one) => (one as Partial<Lifeline> | undefined)?.class === 'emergency'), {
    error: 'a lifeline of class emergency: a gateway does not load without one',
    // Told even while other entries have faults of their own: it is the one nobody may overlook.
    when: ({ value }) => Array.isArray(value),
  });

/** `IFNAMSIZ` is 16 with its end; the characters are those that nft takes unquoted. */
const interfaceName = z.string().regex(/^[A-Za-z0-9_.@-]{1,15}\*?$/, 'the name of a network interface');

export const gatewaySchema = strict({
  name: slug,
  table: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,30}$/, 'the name of an nft table')
    .default('engawa'),
  /** Absent: the one helper of this machine. */
  helperSocket: filePath.optional(),
  accessInterfaces: z.array(interfaceName).min(1).max(256),
  portal: strict({ ip4, ip6 }),
  sink: strict({ ip4, ip6 }),
  tls443: z.enum(['alert', 'reset']).default('alert'),
  pools: z.array(prefix).min(1).max(500),
  infrastructure: prefixes,
  ipv6Lengths: z
    .array(z.union([z.literal(128), z.int().min(48).max(64)], 'a prefix length from 48 to 64, or 128'))
    .min(1)
    .max(8)
    .default([56, 64]),
  ntpServers: z.array(prefix).min(1).max(20),
  lifelines,
  packs: z.union([z.literal('all'), z.array(slug).max(100)], 'all, or a list of pack names').default('all'),
  /** NAS-Identifier or NAS address whose sessions this gateway carries. */
  nasIdentities: z.array(line(253)).max(100).default([]),
}).superRefine((gateway, context) => {
  const mine = [gateway.portal.ip4, gateway.portal.ip6].map((ip) => ip.bytes.join());
  if ([gateway.sink.ip4, gateway.sink.ip6].some((ip) => mine.includes(ip.bytes.join())))
    context.addIssue({ code: 'custom', path: ['sink'], message: "addresses other than the portal's own" });
});
