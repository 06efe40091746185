// Records that wait for their fsync, each client in a queue of its own: whoever floods waits behind itself. Bounded; what finds no
// room is not answered, and the NAS repeats it.
export class Inbox<Client, Waiting> {
  readonly #limits: { readonly all: number; readonly each: number };
  readonly #queues = new Map<Client, Waiting[]>();
  #size = 0;

  constructor(limits: { readonly all: number; readonly each: number }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** False = no room. */
  put(client: Client, waiting: Waiting): boolean {
    const queue = this.#queues.get(client);
    if (this.#size >= this.#limits.all || (queue?.length ?? 0) >= this.#limits.each) return false;
    if (queue === undefined) this.#queues.set(client, [waiting]);
    else queue.push(waiting);
    this.#size++;
    return true;
  }

  /** The oldest of each client, the same number from everyone who has so many. */
  take(most: number): Waiting[] {
    const batch: Waiting[] = [];
    while (batch.length < most && this.#queues.size > 0) {
      const share = Math.max(1, Math.floor((most - batch.length) / this.#queues.size));
      for (const [client, queue] of this.#queues) {
        for (const one of queue.splice(0, Math.min(share, most - batch.length))) batch.push(one);
        if (queue.length === 0) this.#queues.delete(client);
      }
    }
    this.#size -= batch.length;
    return batch;
  }
}
