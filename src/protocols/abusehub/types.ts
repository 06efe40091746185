// What AbuseHUB's report types say of the address, as data; the first pattern that fits a name holds. The hub's row does not
// say how something was seen, so all but the sinkholes' drones need a second source.
import type { Report, ReportClass } from '../../core/report/report.ts';

interface HubType {
  readonly pattern: RegExp;
  /** The pattern in words. */
  readonly says: string;
  readonly class: ReportClass;
  readonly why: string;
}

export const HUB_TYPES: readonly HubType[] = [
  {
    pattern: /\b(drone|bot report)\b/i,
    says: '… Drone, … Bot Report',
    class: 'infected-handshake',
    why: 'contact with a sinkholed command server',
  },
  {
    pattern: /^ncsc .*\b(infections|rat report|mumblehartt)\b/i,
    says: 'NCSC … infections, RAT Report',
    class: 'c2-contact',
    why: 'a list of infected hosts',
  },
  {
    pattern: /\b(botnet ddos|malevolence monitoring)\b/i,
    says: '… Botnet DDOS, Team Cymru Malevolence Monitoring',
    class: 'c2-contact',
    why: 'seen in an attack or at a sensor',
  },
  {
    pattern: /\bcommand and control\b/i,
    says: '… Command and Control',
    class: 'info',
    why: 'a command server: work for the abuse desk',
  },
  {
    pattern: /\b(url|website|safe browsing|cleanmx)\b/i,
    says: '… URL, … Website, Google Safe Browsing, CleanMX',
    class: 'info',
    why: 'a web site',
  },
  { pattern: /\bfbl\b/i, says: '… FBL', class: 'info', why: "a complaint about a mailbox's user" },
  {
    pattern: /^(acm|acm possible malware|trendmicro)$/i,
    says: 'ACM, ACM Possible Malware, TrendMicro',
    class: 'info',
    why: 'varies: a person must look',
  },
  {
    pattern: /\b(open|ntp|ipmi|sslv3|freak|vulnerable|mongodb|poodle)\b/i,
    says: '… Open …, NTP, IPMI, SSLv3/Poodle, Freak, Vulnerable …, Mongodb',
    class: 'exposed',
    why: 'a service on the line that the whole internet can reach',
  },
];

/** undefined = a name this table does not know: the row is refused, never guessed at. */
export function classOfHubType(name: string, protocol: Report['protocol']): ReportClass | undefined {
  const found = HUB_TYPES.find(({ pattern }) => pattern.test(name.slice(0, 128)))?.class;
  // A sinkhole that says UDP, or nothing, saw one packet.
  return found === 'infected-handshake' && protocol !== 'tcp' ? 'attack-single-packet' : found;
}
