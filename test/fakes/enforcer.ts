// A gateway in memory for the flow's tests: what the real one proves, and how it fails – lost answers, refusals, a helper
// that is gone, elements that expire by the injected clock, a foreign flush. Passes the contract suite of the real one.
import type { GatewaySpec } from '../../src/core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../../src/core/garden/key.ts';
import { err, ok, type Result } from '../../src/core/kernel/result.ts';
import type { Ip, Peer } from '../../src/core/net/ip.ts';
import { formatIp } from '../../src/core/net/ip.ts';
import { portSetAt } from '../../src/core/net/port-set.ts';
import { containsIp } from '../../src/core/net/prefix.ts';
import type {
  AllowList,
  DenyCount,
  ElementState,
  EnforceError,
  Enforcer,
  GardenElement,
} from '../../src/flow/ports.ts';
import { Guard } from '../../src/helper/guard.ts';
import { MAX_TIMEOUT_SECONDS } from '../../src/protocols/nftables/messages.ts';

interface Held {
  readonly element: GardenElement;
  readonly until: number;
  readonly packets: Map<string, number>;
}

/** The kernel's side: shared by every client of this gateway, and it outlives them. */
export class FakeKernel {
  installed = false;
  readonly garden = new Map<string, Held>();
  readonly learned = new Map<string, number>();
  dnsAliveUntil = 0;

  flush(): void {
    this.installed = false;
    this.garden.clear();
    this.learned.clear();
    this.dnsAliveUntil = 0;
  }
}

/** How the next calls go wrong. `lost-done` and `lost-undone` look the same from outside: a timeout. */
export type Failure = 'unavailable' | 'refused' | 'lost-done' | 'lost-undone';

export class FakeEnforcer implements Enforcer, AllowList {
  readonly gateway: string;
  readonly kernel: FakeKernel;
  /** Every prefix whose steered flows were to be forgotten, in order. */
  readonly forgotten: string[] = [];
  applies = 0;
  /** The probe answers nothing: observe() says unknown, whatever is there. */
  isBlind = false;
  /** Somebody changed our chains: elements stay, the text is not ours any more. */
  isChanged = false;
  readonly #nowMs: () => number;
  readonly #guard: Guard;
  #failures: Failure[] = [];
  #isClosed = false;

  constructor(options: { readonly spec: GatewaySpec; readonly nowMs: () => number; readonly kernel?: FakeKernel }) {
    this.#nowMs = options.nowMs;
    this.kernel = options.kernel ?? new FakeKernel();
    this.gateway = options.spec.name;
    this.#guard = new Guard(options.spec, options.nowMs);
  }

  /** The next calls of apply, install, readBack, forgetSteered, denyCounts, allow, lifeline and dnsAlive fail like this. */
  failNext(...failures: readonly Failure[]): void {
    this.#failures.push(...failures);
  }

  /** Traffic of the line towards one of its abused ports. */
  count(prefix: GardenKey, protocol: 'tcp' | 'udp', port: number, packets: number): void {
    const held = this.#held(prefix);
    const key = `${protocol}/${port}`;
    if (held?.packets.has(key)) held.packets.set(key, held.packets.get(key)! + packets);
  }

  async apply(change: {
    readonly put: readonly GardenElement[];
    readonly remove: readonly GardenKey[];
  }): Promise<Result<void, EnforceError>> {
    this.applies++;
    return this.#act(() => {
      for (const element of change.put) {
        const judged = this.#judge(element);
        if (!judged.ok) return judged;
      }
      for (const prefix of change.remove) {
        const judged = this.#guard.removable(prefix);
        if (!judged.ok) return judged as Result<void, EnforceError>;
      }
      if (!this.kernel.installed) return err(missing);
      for (const prefix of change.remove) this.kernel.garden.delete(formatKey(prefix));
      for (const element of change.put) this.#put(element);
      return ok(undefined);
    });
  }

  #judge(element: GardenElement): Result<void, EnforceError> {
    const { timeoutSeconds } = element;
    if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS) {
      return err({ kind: 'refused', code: 'timeout-bad', text: 'timeout' });
    }
    return this.#guard.put(element) as Result<void, EnforceError>;
  }

  /** Renewal keeps the counters of ports that stay. */
  #put(element: GardenElement): void {
    const before = this.#held(element.prefix)?.packets;
    const ports = element.abusedPorts.map((p) => `${p.protocol}/${p.port}`);
    this.kernel.garden.set(formatKey(element.prefix), {
      element,
      until: this.#nowMs() + element.timeoutSeconds * 1000,
      packets: new Map(ports.map((port) => [port, before?.get(port) ?? 0])),
    });
  }

  #held(prefix: GardenKey): Held | undefined {
    const held = this.kernel.garden.get(formatKey(prefix));
    return held !== undefined && held.until > this.#nowMs() ? held : undefined;
  }

  #allHeld(): readonly Held[] {
    return [...this.kernel.garden.values()].filter((held) => held.until > this.#nowMs());
  }

  async observe(prefixes: readonly GardenKey[]): Promise<readonly ElementState[]> {
    const isBlind = this.isBlind || this.#isClosed || !this.kernel.installed;
    return prefixes.map((prefix) => {
      const isKey = this.#guard.removable(prefix).ok;
      return { prefix, access: isBlind || !isKey ? 'unknown' : (this.#held(prefix)?.element.access ?? 'absent') };
    });
  }

  readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    return this.#act(() => {
      if (!this.kernel.installed) return err(missing);
      return ok(this.#allHeld().map(({ element }) => ({ prefix: element.prefix, access: element.access })));
    });
  }

  async skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    if (this.#isClosed || this.isBlind) return 'unknown';
    if (!this.kernel.installed) return 'missing';
    return this.isChanged ? 'changed' : 'intact';
  }

  install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>> {
    return this.#act(() => {
      const before = !this.kernel.installed ? 'installed' : this.isChanged ? 'repaired' : 'adopted';
      this.kernel.installed = true;
      this.isChanged = false;
      return ok(before);
    });
  }

  forgetSteered(prefixes: readonly GardenKey[]): Promise<Result<void, EnforceError>> {
    return this.#act(() => {
      this.forgotten.push(...prefixes.map(formatKey));
      return ok(undefined);
    });
  }

  denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>> {
    return this.#act(() => {
      if (!this.kernel.installed) return err(missing);
      return ok(this.#allHeld().flatMap(countsOf));
    });
  }

  async releaseAll(): Promise<Result<void, EnforceError>> {
    return this.#act(() => {
      this.kernel.garden.clear();
      return ok(undefined);
    });
  }

  allow(
    entries: readonly { readonly pack: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>> {
    return this.#learn(
      entries.map((e) => ({ ...e, name: e.pack })),
      (e) => this.#guard.learnedForPack(e),
    );
  }

  lifeline(
    entries: readonly { readonly lifeline: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>> {
    return this.#learn(
      entries.map((e) => ({ ...e, name: e.lifeline })),
      (e) => this.#guard.learnedForLifeline(e),
    );
  }

  #learn(
    entries: readonly { readonly name: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
    judge: (entry: { name: string; ip: Ip; timeoutSeconds: number }) => Result<void, unknown>,
  ): Promise<Result<void, EnforceError>> {
    return this.#act(() => {
      for (const entry of entries) {
        const judged = judge(entry);
        if (!judged.ok) return judged as Result<void, EnforceError>;
      }
      if (!this.kernel.installed) return err(missing);
      for (const { name, ip, timeoutSeconds } of entries) {
        this.kernel.learned.set(`${name} ${formatIp(ip)}`, this.#nowMs() + timeoutSeconds * 1000);
      }
      return ok(undefined);
    });
  }

  dnsAlive(): Promise<Result<void, EnforceError>> {
    return this.#act(() => {
      if (!this.kernel.installed) return err(missing);
      this.kernel.dnsAliveUntil = this.#nowMs() + 60_000;
      return ok(undefined);
    });
  }

  dnsOff(): Promise<Result<void, EnforceError>> {
    return this.#act(() => {
      if (!this.kernel.installed) return err(missing);
      this.kernel.dnsAliveUntil = 0;
      return ok(undefined);
    });
  }

  /** It looks at its kernel itself. */
  readonly isSeeded = true;

  isStrict(peer: Peer): boolean {
    const isHere = ({ portSet }: GardenKey) =>
      portSet === undefined || peer.port === undefined || portSetAt(portSet, peer.port)?.psid === portSet.psid;
    return this.#allHeld().some(
      ({ element: { access, prefix } }) => access === 'strict' && containsIp(prefix, peer) && isHere(prefix),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** A lost answer may or may not have been done; nobody outside can tell. */
  async #act<T>(work: () => Result<T, EnforceError>): Promise<Result<T, EnforceError>> {
    if (this.#isClosed) return err({ kind: 'unavailable', text: 'closed' });
    const failure = this.#failures.shift();
    if (failure === 'unavailable') return err({ kind: 'unavailable', text: 'the helper cannot be reached' });
    if (failure === 'refused') return err({ kind: 'refused', code: 'rate-limited', text: 'not now' });
    if (failure === 'lost-undone') return err({ kind: 'timeout', afterMs: 8000 });
    const done = work();
    return failure === 'lost-done' ? err({ kind: 'timeout', afterMs: 8000 }) : done;
  }
}

const missing: EnforceError = { kind: 'unavailable', text: 'the table or a set of it is missing' };

function countsOf({ element, packets }: Held): readonly DenyCount[] {
  return [...packets].map(([key, count]) => {
    const [protocol, port] = key.split('/') as ['tcp' | 'udp', string];
    return { prefix: element.prefix, protocol, port: Number(port), packets: count };
  });
}
