// `translators` and `dhcp` of engawa.yaml: who logs which ports stood for whom, and which DHCP servers say who holds an address.
import { z } from 'zod';
import { DAY, HOUR, MINUTE } from '../core/kernel/time.ts';
import { CGN_DIALECTS, type CgnDialectName } from '../protocols/cgn-log/dialects.ts';
import { genericFault } from '../protocols/cgn-log/generic.ts';
import { strict } from './document.ts';
import { duration, filePath, line, listen, prefix, slug, timeZone } from './scalars.ts';

const realm = z.literal('main', 'main (other realms: not yet)').default('main');
/** VRF, service set or NAT instance, as the box writes it → realm. One that is not listed is a realm of its own. */
const realms = z.record(line(64), z.literal('main', 'main (other realms: not yet)')).default({});
const from = z.array(prefix).min(1).max(50);

const common = {
  name: slug,
  /** Of the addresses that the world sees. */
  realm,
  /** Of the addresses behind it. */
  insideRealm: realm,
  realms,
  /** What its clock is known to be ahead or behind by; at most one of them. */
  clockAhead: duration(0, DAY).default(0),
  clockBehind: duration(0, DAY).default(0),
  /** How far it may still be off. */
  skew: duration(0, 10 * MINUTE).default(1000),
  /** How often it repeats what is open; absent: it does not. */
  interim: duration(MINUTE, DAY).optional(),
};

const words = z.array(line(40)).max(20);
const generic = strict({
  keys: z
    .partialRecord(
      z.enum(['event', 'inside', 'outside', 'ports', 'low', 'high', 'protocol', 'vrf', 'time']),
      z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'a key: a letter, then letters, digits, _ . -'),
    )
    .optional(),
  pattern: z.string().max(1000).optional(),
  allocated: words.min(1),
  inUse: words.default([]),
  released: words.min(1),
});

/** Their records carry a clock of their own that names no zone, whatever the head of the line says. */
const ZONE_NEEDED: readonly string[] = ['cisco-ios-xr', 'junos-ms-mpc', 'nokia'];

export const syslogTranslator = strict({
  kind: z.literal('syslog'),
  ...common,
  dialect: z.enum([...(Object.keys(CGN_DIALECTS) as CgnDialectName[]), 'generic']),
  generic: generic.optional(),
  /** `file`: what a collector of yours writes. */
  transport: z.enum(['udp', 'tcp', 'file']),
  listen: listen.optional(),
  from: from.optional(),
  file: filePath.optional(),
  /** Of times without one: RFC 3164 heads, and what some boxes write into the line. */
  timeZone: timeZone.optional(),
}).superRefine((one, context) => {
  const fault = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  if (one.transport === 'file' && one.file === undefined) fault('file', 'the file to follow (transport: file)');
  if (one.transport !== 'file' && one.listen === undefined) fault('listen', 'an address and port to listen on');
  if (one.transport !== 'file' && one.from === undefined) fault('from', 'the addresses it sends from');
  if (one.timeZone === undefined && ZONE_NEEDED.includes(one.dialect))
    fault('timeZone', `the zone of its clock (records of ${one.dialect} name none)`);
  if ((one.dialect === 'generic') !== (one.generic !== undefined))
    fault('generic', 'generic with dialect: generic, and only there');
  const described = one.generic === undefined ? undefined : genericFault(descriptionOf(one.generic));
  if (described !== undefined) fault('generic', described);
});

function descriptionOf({ keys, pattern, ...others }: z.output<typeof generic>) {
  return {
    ...others,
    ...(keys === undefined ? {} : { keys }),
    ...(pattern === undefined ? {} : { pattern }),
  } as Parameters<typeof genericFault>[0];
}

export const ipfixTranslator = strict({
  kind: z.literal('ipfix'),
  ...common,
  transport: z.enum(['udp', 'tcp']).default('udp'),
  listen,
  from,
  /** Each outside address is one host's: then address bindings (natEvent 14, 15) are about all its ports. */
  oneToOne: z.boolean().default(false),
});

export const translatorsSchema = z
  .array(z.discriminatedUnion('kind', [syslogTranslator, ipfixTranslator]))
  .max(200)
  .default([]);

const offset = z
  .string()
  .regex(/^[+-](0[0-9]|1[0-4]):[0-5][0-9]$/, 'an offset such as +01:00')
  .transform((text) => {
    const ms = Number(text.slice(1, 3)) * HOUR + Number(text.slice(4, 6)) * MINUTE;
    return text.startsWith('-') ? -ms : ms;
  });

export const keaSource = strict({
  kind: z.literal('kea'),
  name: slug,
  file: filePath,
  /** `leases`: the memfile's CSV; `legal-log`: the forensic log, whose name may hold one `*`. */
  format: z.enum(['leases', 'legal-log']).default('leases'),
  accessKey: z.enum(['circuit-id', 'remote-id', 'remote-id/circuit-id']).default('circuit-id'),
  realm,
  /** How far its clock may be off. */
  skew: duration(0, 10 * MINUTE).default(1000),
  /** The shortest that its subnets give: a client renews at half of it (T1, RFC 2131 §4.4.5), so silence of all of it is the end. */
  validLifetime: duration(2 * MINUTE, 30 * DAY),
  /** What zone names in the forensic log mean; UTC and GMT are known. */
  zoneNames: z.record(z.string().regex(/^[A-Za-z]{1,6}$/, 'the name of a zone, such as CET'), offset).default({}),
});

export const dhcpSchema = z
  .array(z.discriminatedUnion('kind', [keaSource]))
  .max(100)
  .default([]);

export type TranslatorConfig = z.output<typeof translatorsSchema>[number];
export type KeaConfig = z.output<typeof keaSource>;

/** A clock that is ahead is put back by it. */
export function clockAheadMs(one: Pick<TranslatorConfig, 'clockAhead' | 'clockBehind'>): number {
  return one.clockAhead - one.clockBehind;
}
