// What may be in the garden sets because this helper put it or found it: no wanted state, only what a later put or remove has
// to take away. Too much remembered costs a needless delete; too little leaves an element that is without effect and times out.
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import type { ProtocolPort } from '../core/net/transport.ts';
import type { PutElement } from '../protocols/nftables/messages.ts';
import type { GardenAccess } from '../protocols/nftables/sets.ts';

export class GardenMemory {
  /** Per prefix, the ports whose elements may exist. */
  readonly #ports = new Map<string, Map<string, ProtocolPort>>();
  /** Per prefix, the accesses whose elements may exist. */
  readonly #accesses = new Map<string, Set<GardenAccess>>();
  /** What a former helper left is known: until then every put takes the other access away, there or not. */
  areAccessesKnown = false;

  ports(prefix: GardenKey, ports: readonly ProtocolPort[]): void {
    if (ports.length === 0) return;
    const key = formatKey(prefix);
    const known = this.#ports.get(key) ?? new Map<string, ProtocolPort>();
    for (const port of ports) known.set(portKey(port), port);
    this.#ports.set(key, known);
  }

  access(prefix: GardenKey, access: GardenAccess): void {
    const key = formatKey(prefix);
    const known = this.#accesses.get(key);
    if (known === undefined) this.#accesses.set(key, new Set([access]));
    else known.add(access);
  }

  portsOf(prefix: GardenKey): readonly ProtocolPort[] {
    return [...(this.#ports.get(formatKey(prefix))?.values() ?? [])];
  }

  /** Ports that may be there and that this element no longer has. */
  surplusOf(element: PutElement): readonly ProtocolPort[] {
    const remembered = this.portsOf(element.prefix);
    if (remembered.length === 0) return remembered;
    const wanted = new Set(element.abusedPorts.map(portKey));
    return remembered.filter((port) => !wanted.has(portKey(port)));
  }

  isOtherAbsent({ prefix, access }: PutElement): boolean {
    const other = access === 'strict' ? 'leaky' : 'strict';
    return this.areAccessesKnown && this.#accesses.get(formatKey(prefix))?.has(other) !== true;
  }

  /** Nothing of it is new but its timeout. */
  isRenewal({ prefix, access, abusedPorts }: PutElement): boolean {
    const key = formatKey(prefix);
    const [accesses, ports] = [this.#accesses.get(key), this.#ports.get(key)];
    if (accesses?.size !== 1 || !accesses.has(access) || abusedPorts.length !== (ports?.size ?? 0)) return false;
    return abusedPorts.every((port) => ports?.has(portKey(port)));
  }

  /**
   * After an acknowledged change: exactly this. `isAlone`: no other change is under way, else what that one may have put
   * is not forgotten by the answer to this one.
   */
  settle(put: readonly PutElement[], remove: readonly GardenKey[], isAlone: boolean): void {
    for (const prefix of remove) {
      this.#ports.delete(formatKey(prefix));
      if (isAlone) this.#accesses.delete(formatKey(prefix));
    }
    for (const { prefix, access, abusedPorts } of put) {
      this.#ports.delete(formatKey(prefix));
      this.ports(prefix, abusedPorts);
      if (isAlone) this.#accesses.set(formatKey(prefix), new Set([access]));
    }
  }

  settleAllGone(isAlone: boolean): void {
    this.#ports.clear();
    if (isAlone) this.#accesses.clear();
  }
}

function portKey({ protocol, port }: ProtocolPort): string {
  return `${protocol}/${port}`;
}
