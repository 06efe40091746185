// Which accounting clients have not been heard for too long: a wrong secret, a moved NAS, a filter in between all look so.
// Counts stored records alone: what was not genuine says nothing about its sender.

/** As long as an element lives without a word from its NAS. */
const SILENT_INTERIMS = 2;

export class ClientSilence {
  readonly #now: () => number;
  readonly #clients: ReadonlyMap<string, { readonly interimMs: number; heardAtMs: number }>;

  constructor(
    clients: readonly { readonly name: string; readonly interimMs: number }[],
    monotonic: () => number = () => performance.now(),
  ) {
    this.#now = monotonic;
    this.#clients = new Map(clients.map(({ name, interimMs }) => [name, { interimMs, heardAtMs: monotonic() }]));
  }

  /** `nas`: the client's name, with a slash and the identity behind it where there is one. */
  heard(nas: string): void {
    const client = this.#clients.get(nas.split('/')[0]!);
    if (client !== undefined) client.heardAtMs = this.#now();
  }

  silent(): readonly { readonly client: string; readonly silentMs: number }[] {
    return [...this.#clients]
      .map(([client, { interimMs, heardAtMs }]) => ({ client, interimMs, silentMs: this.#now() - heardAtMs }))
      .filter(({ interimMs, silentMs }) => silentMs > SILENT_INTERIMS * interimMs)
      .map(({ client, silentMs }) => ({ client, silentMs }));
  }
}
