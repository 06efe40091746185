// Is there a resolver on this machine that a strict line reaches from a link-local address? No set names such addresses, so the
// rules let their DNS to the gateway pass (docs/adr/0004-ruleset.md, 9): nothing may listen there. Looks, and changes nothing.
import { readFileSync } from 'node:fs';

const DNS_PORT = '0035';
/** `::`, and fe80::/10 as the kernel writes it: words of 32 bits in the order of the machine. */
const REACHABLE = /^(0{32}|[0-9A-F]{4}[89AB][0-9A-F]FE[0-9A-F]{24})$/;
const FILES = [
  { file: '/proc/net/udp6', listens: '07' },
  { file: '/proc/net/tcp6', listens: '0A' },
];

/** Listeners in one table of /proc/net: total, rows of another form are passed over. */
export function reachableResolvers(table: string, listens: string): number {
  const rows = table.split('\n').map((row) => row.trim().split(/\s+/));
  return rows.filter(([, local = '', , state]) => {
    const [address = '', port] = local.split(':');
    return port === DNS_PORT && state === listens && REACHABLE.test(address);
  }).length;
}

/** Over both transports; 0 too when the kernel does not tell. */
export function resolversForLinkLocal(read: (file: string) => string = (file) => readFileSync(file, 'latin1')): number {
  let found = 0;
  for (const { file, listens } of FILES) {
    try {
      found += reachableResolvers(read(file), listens);
    } catch {
      // no IPv6 here, so no link-local address either
    }
  }
  return found;
}
