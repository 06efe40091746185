// The role table: data and nothing else, versioned. Per report type, which column is the subscriber and what the row means for that subscriber. The
// type decides whether the named host is guilty at all: in honeypot_ddos_amp `src_ip` is the victim, in sinkhole_dns a resolver.
import type { ReportClass } from '../../core/report/report.ts';

/** Where the subscriber stands; `none` = the row names no host of a line. */
export type SubscriberColumn = 'src' | 'dst' | 'ip' | 'http_referer' | 'none';

export type Grading =
  /** The type alone says it. */
  | 'fixed'
  /** A completed TCP exchange by nature: a row that says UDP is downgraded. */
  | 'handshake'
  /** The row must say TCP itself; UDP or an empty protocol is one spoofable packet. */
  | 'handshake-if-tcp'
  /** Backscatter unless the row names an infection or tag and TCP. */
  | 'darknet'
  /** UDP from port 53 is an abused open resolver, from another port of REFLECTING another open service: not a bot. */
  | 'ddos-participant';

export interface Role {
  /** `*` stands for letters, digits and underscores, or nothing; the first role that fits a type name holds. */
  readonly types: readonly string[];
  readonly subscriber: SubscriberColumn;
  readonly class: ReportClass;
  /** May a row of this type ever lead to an act (a notice included)? */
  readonly mayAct: boolean;
  readonly grading: Grading;
  /** The address may be a network (`x.y.z.0`): never a line, kept for the network team. */
  readonly mayBeNetwork?: true;
  readonly why: string;
}

/** Of the published report types this table was held against; `version` grows with every change of a line's meaning. */
export const ROLE_TABLE = { version: 3, snapshot: '2026-03-24' };

export const ROLES: readonly Role[] = [
  {
    types: ['event4_sinkhole', 'event6_sinkhole'],
    subscriber: 'src',
    class: 'infected-handshake',
    mayAct: true,
    grading: 'handshake-if-tcp',
    why: 'contact with a sinkholed command server',
  },
  {
    types: ['event4_sinkhole_http', 'event6_sinkhole_http'],
    subscriber: 'src',
    class: 'infected-handshake',
    mayAct: true,
    grading: 'handshake',
    why: 'an HTTP request to a sinkholed command server',
  },
  {
    types: ['event*_microsoft_sinkhole', 'event*_microsoft_sinkhole_http'],
    subscriber: 'src',
    class: 'infected-handshake',
    mayAct: true,
    grading: 'handshake-if-tcp',
    why: 'contact with a sinkhole that crawlers visit too',
  },
  {
    types: ['event*_sinkhole_dns'],
    subscriber: 'src',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'the address is a resolver asking for somebody else',
  },
  {
    types: ['event*_sinkhole_http_referer'],
    subscriber: 'http_referer',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'the address is a web site that linked to the sinkhole',
  },
  {
    types: ['event*_honeypot_brute_force'],
    subscriber: 'src',
    class: 'attack-handshake',
    mayAct: true,
    grading: 'handshake',
    why: 'log-in attempts at a honeypot',
  },
  {
    types: ['event*_honeypot_http_scan'],
    subscriber: 'src',
    class: 'attack-handshake',
    mayAct: true,
    grading: 'handshake',
    why: 'an HTTP request to a honeypot',
  },
  {
    types: ['event*_honeypot_*_scan'],
    subscriber: 'src',
    class: 'attack-single-packet',
    mayAct: true,
    grading: 'fixed',
    why: 'a probe whose source may be forged (adb, ics, ikev2, rdp, rocketmq, smb, snmp)',
  },
  {
    types: ['event*_honeypot_darknet'],
    subscriber: 'src',
    class: 'attack-single-packet',
    mayAct: true,
    grading: 'darknet',
    why: 'packets to addresses nobody uses; much of it answers forged attacks',
  },
  {
    types: ['event*_honeypot_ddos'],
    subscriber: 'src',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'the address is a command server: work for the abuse desk',
  },
  {
    types: ['event*_honeypot_ddos_amp'],
    subscriber: 'src',
    class: 'victim',
    mayAct: false,
    grading: 'fixed',
    why: 'the source is forged: the address is being attacked',
  },
  {
    types: ['event*_honeypot_ddos_target'],
    subscriber: 'dst',
    class: 'victim',
    mayAct: false,
    grading: 'fixed',
    why: 'the destination is being attacked, the source commands it',
  },
  {
    types: ['event*_ddos_participant'],
    subscriber: 'src',
    class: 'c2-contact',
    mayAct: true,
    grading: 'ddos-participant',
    why: 'seen taking part in an attack: needs a second source',
  },
  {
    types: ['event*_ip_spoofer'],
    subscriber: 'src',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    mayBeNetwork: true,
    why: 'names a network without source validation',
  },
  {
    types: ['event*_initial_access_broker'],
    subscriber: 'src',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'access offered for sale: a person must look',
  },
  {
    types: ['compromised_iot', 'compromised_iot6'],
    subscriber: 'ip',
    class: 'infected-handshake',
    mayAct: true,
    grading: 'handshake',
    why: 'a device that answered as a compromised one',
  },
  {
    types: ['compromised_website', 'compromised_website6'],
    subscriber: 'ip',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'a web site among others on this address',
  },
  {
    types: ['scan*_post_exploitation_framework', 'scan*_beacon'],
    subscriber: 'ip',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'the address is a command server: work for the abuse desk',
  },
  {
    types: ['scan_ddos_middlebox'],
    subscriber: 'ip',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'a filter on the way answers in the name of the address: work for the network team',
  },
  {
    types: ['scan_*', 'scan6_*', 'population_*', 'population6_*'],
    subscriber: 'ip',
    class: 'exposed',
    mayAct: true,
    grading: 'fixed',
    why: 'a service on the line that the whole internet can reach',
  },
  {
    types: ['device_id', 'device_id6'],
    subscriber: 'ip',
    class: 'exposed',
    mayAct: true,
    grading: 'fixed',
    why: 'a device that can be recognised from outside',
  },
  {
    types: ['targeted_host', 'targeted_host6'],
    subscriber: 'ip',
    class: 'victim',
    mayAct: false,
    grading: 'fixed',
    why: 'the address is being attacked',
  },
  {
    types: ['blocklist', 'malware_url', 'phish_url', 'spam_url', 'special'],
    subscriber: 'ip',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'varies from row to row: a person must look',
  },
  {
    types: ['compromised_account', 'ransomware_victim', 'sandbox_*', 'iot_*_device_stats'],
    subscriber: 'none',
    class: 'info',
    mayAct: false,
    grading: 'fixed',
    why: 'names no address of a line',
  },
];

/** UDP ports of services that answer forged questions: chargen, NTP, SSDP and their like. */
export const REFLECTING: ReadonlySet<number> = new Set([
  ...[17, 19, 69, 111, 123, 137, 161, 389, 427, 520, 623, 1434, 1900, 3283, 3389, 3702, 5060, 5093, 5351, 5353, 5683],
  ...[10_001, 11_211, 27_015, 37_810],
]);
