// CoA and Disconnect requests to one NAS (RFC 5176 §2.3): a window of them at once, one per session, those towards freedom first.
// Says what came of a request; what to do then is the caller's business. A NAS that answers nobody is asked one thing at a time
// until it answers again.
import { formatIp, parsePeer } from '../../../core/net/ip.ts';
import type { Log } from '../../../flow/ports.ts';
import { type DynamicReply, ROOM } from '../../../protocols/radius/dynamic.ts';
import { type Asked, type DynamicChange, type Exchange, newAsked } from './asked.ts';
import { type Flight, type FlightOptions, Flights } from './flights.ts';
import { Rate } from './rate.ts';
import { TIMERS } from './retransmit.ts';
import { SecretChoice } from './secret-choice.ts';
import { Silence } from './silence.ts';
import { type NasCount, Tally } from './tally.ts';
import { Turns } from './turns.ts';

const PRESETS = {
  /** Requests without an answer at once. */
  window: 32,
  /** Retransmissions count. */
  packetsPerSecond: 200,
  timers: TIMERS,
  /** For so long the NAS may take a used identifier for a duplicate. */
  replayWindowMs: 300_000,
  /** So long a request waits for its turn. */
  waitMs: 60_000,
  /** In requests; whether answers must have one is the next. One that is there is verified in any case. */
  messageAuthenticator: true,
  requireMessageAuthenticator: false,
  /** RFC 5176 §6.3. */
  eventTimestamp: true,
};

export type { DynamicChange, Exchange };

interface Told extends Omit<FlightOptions, keyof typeof PRESETS | 'mostPorts' | 'restMs'> {
  /** As the configuration calls it: for the log. */
  readonly name: string;
  readonly log: Log;
}

export type NasClientOptions = Told &
  Partial<typeof PRESETS> & {
    /** Default: what its pace can use up within the replay window, 1024 at most. */
    readonly mostPorts?: number;
  };

export interface NasStanding {
  readonly lastHeardAtMs?: number;
  readonly silentSinceMs?: number;
  readonly timeoutsInARow: number;
  readonly usesPreviousSecret: boolean;
  readonly waiting: number;
  readonly inFlight: number;
  /** Answers, over the last ten seconds. */
  readonly perSecond: number;
  readonly oldestWaitingMs: number;
  /** Local ports: each has 256 identifiers per replay window. */
  readonly ports: number;
}

/** Twice as many when it is towards freedom: others never leave it without a place. */
const MOST_WAITING = 100_000;
const MOST_PORTS = 1024;

export class NasClient {
  readonly #options: Told & typeof PRESETS;
  readonly #turns = new Turns<Asked>();
  readonly #flights: Flights<Asked>;
  readonly #tally: Tally;
  readonly #secrets: SecretChoice;
  readonly #silence = new Silence();
  readonly #rate = new Rate();
  #lastHeardAtMs: number | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: NasClientOptions) {
    const address = parsePeer(options.address);
    if (address === undefined) throw new Error(`${options.name}: the address of a NAS is an IP address`);
    if (options.secrets.length === 0) throw new Error(`${options.name}: a NAS without a secret`);
    const settings = { ...PRESETS, ...options, address: formatIp(address) };
    // A hundredth more than the NAS remembers: packets take their time, and not always the same.
    const restMs = settings.replayWindowMs * 1.01;
    const usedUp = Math.ceil((settings.packetsPerSecond * restMs) / 1000 / 256) + 1 + Math.ceil(settings.window / 256);
    this.#options = settings;
    this.#tally = new Tally(options);
    this.#secrets = new SecretChoice(options.secrets.length);
    this.#flights = new Flights({ restMs, mostPorts: Math.min(MOST_PORTS, usedUp), ...settings }, this.#tally, {
      onAnswer: (flight, reply) => this.#answered(flight, reply),
      onGivenUp: (flight) => this.#unanswered(flight),
      onRoom: () => this.#pump(),
    });
  }

  /** Rejects only what no packet can hold. */
  request(change: DynamicChange): Promise<Exchange> {
    const octets = change.attributes.reduce((sum, one) => sum + 2 + one.value.length, 0);
    if (octets > ROOM || change.attributes.some((one) => one.value.length > 253))
      return Promise.reject(new Error(`attributes of ${octets} octets do not fit into a packet`));
    if (this.#isClosed) return Promise.resolve({ kind: 'closed', sent: 0 });
    if (change.signal?.aborted === true) return Promise.resolve({ kind: 'aborted', sent: 0 });
    if (this.#turns.size >= MOST_WAITING * (change.urgent ? 2 : 1)) {
      this.#tally.add('overflow');
      return Promise.resolve({ kind: 'overflow' });
    }
    return new Promise((resolve) => {
      const asked = newAsked(change, this.#options.monotonicMs(), resolve, (one) => this.#giveUp(one, 'aborted'));
      this.#turns.add(asked);
      this.#expireLater();
      this.#pump();
    });
  }

  counts(): Readonly<Record<NasCount, number>> {
    return this.#tally.counts;
  }

  standing(): NasStanding {
    const { sinceMs: silentSinceMs, timeoutsInARow } = this.#silence;
    const now = this.#options.monotonicMs();
    return {
      ...(this.#lastHeardAtMs === undefined ? {} : { lastHeardAtMs: this.#lastHeardAtMs }),
      ...(silentSinceMs === undefined ? {} : { silentSinceMs }),
      timeoutsInARow,
      usesPreviousSecret: this.#secrets.usesPrevious,
      waiting: this.#turns.size,
      inFlight: this.#flights.size,
      perSecond: this.#rate.perSecond(now),
      oldestWaitingMs: Math.round(now - (this.#turns.oldest?.waitingSinceMs ?? now)),
      ports: this.#flights.ports,
    };
  }

  /** Nothing more is sent; whoever waits is told. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#expiry);
    for (const asked of [...this.#turns.all(), ...this.#flights.all()]) this.#giveUp(asked, 'closed');
    this.#flights.close();
  }

  #pump(): void {
    while (!this.#isClosed && this.#turns.hasNext) {
      const { isSilent } = this.#silence;
      if (this.#flights.size >= (isSilent ? 1 : this.#options.window)) return;
      const slot = this.#flights.runway(isSilent);
      if (slot === undefined) return;
      const asked = this.#turns.next()!;
      asked.flight = this.#flights.launch(asked, slot, this.#secretFor(asked));
    }
  }

  #secretFor({ failedSecret, urgent }: Asked): number {
    const other = failedSecret === undefined ? undefined : this.#secrets.other(failedSecret);
    return other ?? this.#secrets.first(urgent, this.#options.monotonicMs());
  }

  #answered(flight: Flight<Asked>, { kind, errorCause, attributes }: DynamicReply): void {
    const { name, now, monotonicMs, log } = this.#options;
    this.#lastHeardAtMs = now();
    this.#rate.count(monotonicMs());
    const silentSinceMs = this.#silence.heard();
    if (silentSinceMs !== undefined) log.info('RADIUS_NAS_BACK', { gateway: name, silentMs: now() - silentSinceMs });
    if (this.#secrets.answered(flight.secret, monotonicMs()) && this.#secrets.usesPrevious)
      log.warn('RADIUS_PREVIOUS_SECRET', { gateway: name });
    const cause = errorCause === undefined ? {} : { errorCause };
    this.#landed(flight);
    flight.of.settle({ kind, ...cause, attributes, tookMs: Math.round(monotonicMs() - flight.firstMs) });
    this.#turns.done(flight.of);
    this.#pump();
  }

  /** With a second secret it is no timeout yet: the NAS may know that one. */
  #unanswered(flight: Flight<Asked>): void {
    const { name, now, monotonicMs, log } = this.#options;
    const asked = flight.of;
    this.#landed(flight);
    if (asked.failedSecret === undefined && this.#secrets.other(flight.secret) !== undefined) {
      asked.failedSecret = flight.secret;
      asked.waitingSinceMs = monotonicMs();
      this.#turns.putBack(asked);
      this.#expireLater();
    } else {
      if (this.#silence.timedOut(asked.session, now()))
        log.warn('RADIUS_NAS_SILENT', { gateway: name, timeouts: this.#silence.timeoutsInARow });
      this.#timedOut(asked);
      this.#turns.done(asked);
    }
    this.#pump();
  }

  #landed(flight: Flight<Asked>): void {
    this.#flights.land(flight);
    const asked = flight.of;
    asked.flight = undefined;
    asked.sent += flight.sent;
    asked.badReplies += flight.badReplies;
  }

  #timedOut(asked: Asked): void {
    const { askedMs, sent, badReplies } = asked;
    this.#tally.add('timeout');
    asked.settle({ kind: 'timeout', afterMs: Math.round(this.#options.monotonicMs() - askedMs), sent, badReplies });
  }

  #giveUp(asked: Asked, kind: 'aborted' | 'closed'): void {
    if (asked.flight === undefined) this.#turns.remove(asked);
    else {
      this.#landed(asked.flight);
      this.#turns.done(asked);
    }
    asked.settle({ kind, sent: asked.sent });
    this.#pump();
  }

  /** All wait equally long: the oldest one's time is up first. */
  #expireLater(): void {
    const oldest = this.#turns.oldest;
    if (this.#expiry !== undefined || oldest === undefined) return;
    const { waitMs, monotonicMs } = this.#options;
    this.#expiry = setTimeout(
      () => {
        this.#expiry = undefined;
        for (let one = this.#turns.oldest; one !== undefined; one = this.#turns.oldest) {
          if (monotonicMs() - one.waitingSinceMs < waitMs) break;
          this.#turns.remove(one);
          this.#timedOut(one);
        }
        this.#expireLater();
      },
      Math.max(1, oldest.waitingSinceMs + waitMs - monotonicMs()),
    ).unref();
  }
}
