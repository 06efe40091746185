// What an X-ARF type says of the address, for all versions: v4 `category`/`type`, v3 `ReportType`, v0.2 `Report-Type`. The reporter
// is some third party: what is not seen to be a completed connection needs a second source, and what is no traffic never acts.
import type { Report, ReportClass } from '../../core/report/report.ts';

const LOGIN = ['loginattack', 'authfailure', 'bruteforce', 'ssh', 'ftp', 'imap', 'pop3', 'telnet', 'rdp', 'sip'];
const INFECTED = ['infectedhost', 'bot', 'botnet', 'botinfection', 'compromisedserver'];
const PROBES = ['portscan', 'reconnaissance', 'scan', 'scanning'];
const EXPLOITS = [
  ...['exploit', 'sqlinjection', 'vulnerabilityscan', 'vulnscanning', 'webattack', 'httpattack'],
  ...['potentiallycompromisedattacker'],
];
const EXPOSED = ['openservice', 'open', 'openport', 'cve', 'misconfiguration', 'vulnerableservice', 'vulnerability'];

/** `category`: v4's own, or undefined. Names are compared without case, blanks, hyphens and underscores. */
export function classOfType(category: string | undefined, type: string, protocol: Report['protocol']): ReportClass {
  const name = type
    .slice(0, 64)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  // Mail, content, copyright and lists name a web site or a mailbox, hardly ever a line.
  if (category !== undefined && !['connection', 'infrastructure', 'vulnerability'].includes(category)) return 'info';
  if (category === 'vulnerability') return 'exposed';
  if (INFECTED.includes(name)) return protocol === 'tcp' ? 'infected-handshake' : 'c2-contact';
  if (LOGIN.includes(name)) return 'attack-handshake';
  if (EXPLOITS.includes(name)) return protocol === 'tcp' ? 'attack-handshake' : 'attack-single-packet';
  if (PROBES.includes(name)) return 'attack-single-packet';
  if (name === 'ddos') return 'c2-contact';
  return EXPOSED.includes(name) ? 'exposed' : 'info';
}
