// Which configured client an address belongs to. Of two that name one address, the longer prefix speaks.
import { parsePeer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import type { AccountingClient } from './client.ts';
import { ClientState } from './client-state.ts';

const PEERS_KEPT = 10_000;

export class ClientBook {
  readonly clients: readonly ClientState[];
  /** Longest prefix first. */
  readonly #byPrefix: readonly { readonly prefix: Prefix; readonly state: ClientState }[];
  /** Peers that were looked up before: known ones only, so that strangers cannot fill it. */
  readonly #byPeer = new Map<string, ClientState>();

  constructor(clients: readonly AccountingClient[], monotonic: () => number) {
    this.clients = clients.map((client) => new ClientState(client, monotonic));
    this.#byPrefix = this.clients
      .flatMap((state) => state.client.from.map((prefix) => ({ prefix, state })))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** `peerAddress` as Node says it. */
  at(peerAddress: string): ClientState | undefined {
    const known = this.#byPeer.get(peerAddress);
    if (known !== undefined) return known;
    const address = parsePeer(peerAddress);
    if (address === undefined) return undefined;
    const state = this.#byPrefix.find(({ prefix }) => containsIp(prefix, address))?.state;
    if (state === undefined) return undefined;
    if (this.#byPeer.size >= PEERS_KEPT) this.#byPeer.clear();
    this.#byPeer.set(peerAddress, state);
    return state;
  }
}
