// Requests under way to one NAS: packets leave at its pace, the same octets again until an answer comes or time is up, and what
// arrives is judged. Knows no session and no order among those that wait.
import type { RemoteInfo } from 'node:dgram';
import { err, type Result } from '../../../core/kernel/result.ts';
import { type Attribute, decodePacket } from '../../../protocols/radius/codec.ts';
import { buildDynamicRequest, type DynamicReply } from '../../../protocols/radius/dynamic.ts';
import { Pace } from './pace.ts';
import { Port } from './port.ts';
import { Ports, type Slot } from './ports.ts';
import { type BadReply, judgeReply } from './replies.ts';
import { nextWait, type Timers } from './retransmit.ts';
import type { Tally } from './tally.ts';

/** Of a NAS and of how it is spoken to. */
export interface FlightOptions {
  readonly address: string;
  readonly port: number;
  readonly source?: string | undefined;
  /** Current, then previous. */
  readonly secrets: readonly Uint8Array[];
  readonly packetsPerSecond: number;
  readonly timers: Timers;
  readonly restMs: number;
  readonly mostPorts: number;
  readonly messageAuthenticator: boolean;
  readonly requireMessageAuthenticator: boolean;
  readonly eventTimestamp: boolean;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly random: () => number;
}

/** One attempt: an identifier, a secret, the same octets each time. `A`: whatever it is made for. */
export interface Flight<A> {
  readonly of: A;
  readonly slot: Slot<Flight<A>>;
  readonly bytes: Uint8Array;
  /** Place among the secrets. */
  readonly secret: number;
  readonly firstMs: number;
  sent: number;
  badReplies: number;
  rtMs: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

export interface FlightEvents<A> {
  readonly onAnswer: (flight: Flight<A>, reply: DynamicReply) => void;
  readonly onGivenUp: (flight: Flight<A>) => void;
  /** `runway` may give something now. */
  readonly onRoom: () => void;
}

/** While a NAS is silent one request at a time goes out: few identifiers. */
const MOST_PROBING = 2;

export class Flights<A extends { readonly code: 40 | 43; readonly attributes: readonly Attribute[] }> {
  readonly #options: FlightOptions;
  readonly #events: FlightEvents<A>;
  readonly #tally: Tally;
  readonly #pace: Pace;
  readonly #ports: Ports<Flight<A>>;
  readonly #probing: Ports<Flight<A>>;
  readonly #all = new Set<Flight<A>>();
  /** Their time to be sent again has come, and no packet may leave yet. */
  readonly #due = new Set<Flight<A>>();
  #wake: NodeJS.Timeout | undefined;

  constructor(options: FlightOptions, tally: Tally, events: FlightEvents<A>) {
    this.#options = options;
    this.#tally = tally;
    this.#events = events;
    this.#pace = new Pace(options.packetsPerSecond, options.monotonicMs());
    this.#ports = this.#portsOf(false, options.mostPorts);
    this.#probing = this.#portsOf(true, MOST_PROBING);
  }

  get size(): number {
    return this.#all.size;
  }

  all(): readonly A[] {
    return [...this.#all].map(({ of }) => of);
  }

  get ports(): number {
    return this.#ports.open + this.#probing.open;
  }

  /**
   * Where the next request leaves from, now: to be launched with; undefined = wait for `onRoom`. A probe leaves from a connected
   * socket: of a NAS that is silent it is worth knowing whether its port is closed.
   */
  runway(isProbe: boolean): Slot<Flight<A>> | undefined {
    return this.#mayLeave() ? (isProbe ? this.#probing : this.#ports).take() : undefined;
  }

  launch(of: A, slot: Slot<Flight<A>>, secret: number): Flight<A> {
    const { secrets, messageAuthenticator, eventTimestamp, now, monotonicMs } = this.#options;
    const bytes = buildDynamicRequest({
      code: of.code,
      identifier: slot.identifier,
      attributes: of.attributes,
      secret: secrets[secret]!,
      messageAuthenticator,
      ...(eventTimestamp ? { eventTimestampSeconds: Math.floor(now() / 1000) } : {}),
    });
    const firstMs = monotonicMs();
    const flight: Flight<A> = {
      ...{ of, slot, bytes, secret, firstMs },
      ...{ sent: 0, badReplies: 0, rtMs: undefined, timer: undefined },
    };
    slot.port.hold(slot.identifier, flight);
    this.#all.add(flight);
    this.#send(flight);
    return flight;
  }

  /** It waits for nothing any more. */
  land(flight: Flight<A>): void {
    clearTimeout(flight.timer);
    this.#due.delete(flight);
    if (this.#all.delete(flight)) flight.slot.ports.giveBack(flight.slot);
  }

  close(): void {
    clearTimeout(this.#wake);
    for (const flight of this.#all) this.land(flight);
    this.#ports.close();
    this.#probing.close();
  }

  /** What is to be sent again goes first. */
  #mayLeave(): boolean {
    for (;;) {
      const waitMs = this.#pace.waitMs(this.#options.monotonicMs());
      if (waitMs > 0) {
        this.#wakeIn(waitMs);
        return false;
      }
      const [flight] = this.#due;
      if (flight === undefined) return true;
      this.#due.delete(flight);
      this.#send(flight);
    }
  }

  #wakeIn(waitMs: number): void {
    this.#wake ??= setTimeout(
      () => {
        this.#wake = undefined;
        if (this.#due.size === 0 || this.#mayLeave()) this.#events.onRoom();
      },
      Math.max(1, waitMs),
    );
  }

  #send(flight: Flight<A>): void {
    const { timers, monotonicMs, random } = this.#options;
    const now = monotonicMs();
    this.#pace.spend();
    this.#tally.add(flight.sent === 0 ? 'sent' : 'retransmitted');
    flight.slot.port.send(flight.bytes, now);
    flight.sent += 1;
    const elapsedMs = now - flight.firstMs;
    const before = flight.rtMs === undefined ? {} : { beforeMs: flight.rtMs };
    const { ms, rtMs, isLast } = nextWait(timers, { sent: flight.sent, elapsedMs, ...before, chance: random() });
    flight.rtMs = rtMs;
    // After a pause of our own answers wait in the socket: they are read before the time counts as up.
    flight.timer = setTimeout(() => setImmediate(() => this.#timeUp(flight, isLast)), Math.max(1, ms));
  }

  #timeUp(flight: Flight<A>, isLast: boolean): void {
    if (!this.#all.has(flight)) return;
    if (isLast) this.#events.onGivenUp(flight);
    else {
      this.#due.add(flight);
      if (this.#mayLeave()) this.#events.onRoom();
    }
  }

  #portsOf(isConnected: boolean, most: number): Ports<Flight<A>> {
    const { address, port, source, restMs, monotonicMs, random } = this.#options;
    const open = () =>
      Port.open<Flight<A>>({
        ...{ address, port, source, isConnected },
        // After a restart the kernel may give a port that the NAS remembers: then with other identifiers, most likely.
        firstIdentifier: Math.floor(random() * 256),
        onDatagram: (from, datagram, peer) => this.#take(from, datagram, peer),
        onTrouble: (code) => this.#tally.trouble(code),
      });
    const onOpenFailed = (code: string) => this.#tally.trouble(code);
    return new Ports({ open, most, restMs, monotonicMs, onReady: () => this.#events.onRoom(), onOpenFailed });
  }

  #take(port: Port<Flight<A>>, datagram: Uint8Array, peer: RemoteInfo): void {
    const flight = port.holder(datagram[1] ?? 0);
    const reply = this.#read(datagram, peer, flight);
    if (!reply.ok) {
      if (reply.error === 'unknown-identifier' && port.knows(datagram[1]!)) this.#tally.add('late');
      else this.#tally.badReply(reply.error, peer);
      if (flight !== undefined) flight.badReplies += 1;
      return;
    }
    this.#tally.add(reply.value.kind);
    this.land(flight!);
    this.#events.onAnswer(flight!, reply.value);
  }

  #read(datagram: Uint8Array, peer: RemoteInfo, flight: Flight<A> | undefined): Result<DynamicReply, BadReply> {
    const { address, port, secrets, requireMessageAuthenticator } = this.#options;
    if (peer.address !== address || peer.port !== port) return err('foreign-source');
    const packet = decodePacket(datagram);
    if (!packet.ok) return err('malformed');
    if (flight === undefined) return err('unknown-identifier');
    const request = { bytes: flight.bytes, secret: secrets[flight.secret]! };
    return judgeReply(packet.value, request, requireMessageAuthenticator);
  }
}
