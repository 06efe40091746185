// The proof behind @dns_alive: a real question through the front's own socket and its upstream. Only an answer renews the element;
// when the front dies, or goes deaf, the element ends after 60 s and port 53 passes unsteered (invariant 6).
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { AllowList, Log } from '../../flow/ports.ts';
import { parseAnswer } from '../../protocols/dns/answer.ts';
import { encodeName } from '../../protocols/dns/name.ts';
import { buildQuery, RCODE, TYPE, u16 } from '../../protocols/dns/query.ts';
import type { Counters } from '../counters.ts';
import { within } from '../deadline.ts';

export interface LivenessOptions {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly everyMs: number;
  readonly allowList: AllowList;
  readonly log: Log;
  readonly counters: Counters;
}

const ANSWER_MS = 5000;
/** After a miss: three more tries fit into the element's minute. */
const RETRY_MS = 5000;
const KERNEL_MS = 3000;

export class Liveness {
  readonly #o: LivenessOptions;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #renewing: Promise<boolean> = Promise.resolve(false);
  #well: boolean | undefined;
  aliveAtMs: number | undefined;

  constructor(options: LivenessOptions) {
    this.#o = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#turn();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /**
   * Stops, and takes the element away: a planned end is no death, so no strict line waits a minute for its names. False = the
   * gateway did not say so; then steering ends by itself.
   */
  async unsteer(): Promise<boolean> {
    if (!this.#running) return true;
    this.stop();
    await within(KERNEL_MS, this.#renewing, false); // a renewal under way must not come after us
    return within(KERNEL_MS, this.#told(this.#o.allowList.dnsOff()), false);
  }

  async #turn(): Promise<void> {
    const answered = await askThroughFront(this.#o).catch(() => false);
    if (!this.#running) return;
    if (answered) this.#renewing = this.#told(this.#o.allowList.dnsAlive());
    const renewed = answered && (await within(KERNEL_MS, this.#renewing, false));
    this.#say(renewed, answered);
    if (this.#running) {
      this.#timer = setTimeout(
        () => void this.#turn(),
        renewed ? this.#o.everyMs : Math.min(RETRY_MS, this.#o.everyMs),
      );
    }
  }

  async #told(order: ReturnType<AllowList['dnsAlive']>): Promise<boolean> {
    try {
      return (await order).ok;
    } catch {
      return false;
    }
  }

  /** One line per change, not per turn. */
  #say(renewed: boolean, answered: boolean): void {
    this.#o.counters.add(renewed ? 'dns_alive' : 'dns_not_alive');
    if (renewed) this.aliveAtMs = performance.now();
    if (renewed === this.#well) return;
    this.#well = renewed;
    if (renewed) this.#o.log.info('DNS_FRONT_ALIVE');
    else this.#o.log.warn('DNS_FRONT_NOT_ALIVE', { answered });
  }
}

/** True when the front answered: the name exists or does not, SERVFAIL and REFUSED are no life. */
function askThroughFront(o: { address: string; port: number; name: string }): Promise<boolean> {
  const id = u16(randomBytes(2), 0);
  const name = encodeName(o.name);
  if (name === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = createSocket(o.address.includes(':') ? 'udp6' : 'udp4');
    let open = true;
    const finish = (alive: boolean) => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.close();
      resolve(alive);
    };
    const timer = setTimeout(() => finish(false), ANSWER_MS);
    socket.on('error', () => finish(false));
    socket.on('message', (bytes) => {
      const answer = parseAnswer(bytes);
      if (!answer.ok || answer.value.id !== id) return;
      finish(answer.value.rcode === RCODE.NOERROR || answer.value.rcode === RCODE.NXDOMAIN);
    });
    socket.connect(o.port, o.address, () => {
      if (open) socket.send(buildQuery({ id, name, type: TYPE.A }));
    });
  });
}
