// A wildcard address, spelled out. A UDP answer must leave from the address that was asked – a NAS takes none from another – and a
// socket on the wildcard leaves that to the kernel. Part of the wiring; what this machine is called by later needs a restart.
import { networkInterfaces } from 'node:os';

const WILDCARDS = { '::': ['IPv4', 'IPv6'], '0.0.0.0': ['IPv4'] } as const;

export function everyAddress(
  at: { readonly host: string; readonly port: number },
  interfaces = networkInterfaces(),
): readonly { readonly address: string; readonly port: number }[] {
  const families: readonly string[] | undefined = WILDCARDS[at.host as keyof typeof WILDCARDS];
  if (families === undefined) return [{ address: at.host, port: at.port }];
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  // Link-local addresses mean nothing without their interface, and no NAS sends to one.
  const ours = all.filter(({ family, address }) => families.includes(family) && !/^fe[89ab]/i.test(address));
  return [...new Set(ours.map(({ address }) => address))].map((address) => ({ address, port: at.port }));
}
