// Runs beside the steps, level-triggered: compares wanted with observed for every gateway and repairs what a crash, a
// lost answer, a foreign flush or a reboot left behind. On hold it only looks.
import type { Enforcement } from './enforce.ts';
import type { Gardener } from './gardener.ts';
import type { GatewayLink } from './gateway-acts.ts';
import type { AuditDraft, Clock, HoldSwitch, Log, Store } from './ports.ts';

export interface ReconcileParts {
  readonly store: Pick<Store, 'commit'>;
  readonly gardener: Gardener;
  readonly enforcement: Enforcement;
  readonly gateways: readonly GatewayLink[];
  readonly hold: HoldSwitch;
  readonly clock: Clock;
  readonly log: Log;
}

export type GatewayHealth = {
  readonly gateway: string;
  readonly skeleton: 'intact' | 'changed' | 'missing' | 'unknown';
  readonly checkedAt: number;
  readonly missing: number;
  readonly extra: number;
  readonly fullAt?: number;
};

export class Reconciler {
  readonly #parts: ReconcileParts;
  readonly #health = new Map<string, GatewayHealth>();
  /** Gateways whose elements were not compared since they were last away. */
  readonly #behind = new Set<string>();
  #checking: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  #started = false;

  constructor(parts: ReconcileParts) {
    this.#parts = parts;
  }

  health(): readonly GatewayHealth[] {
    return [...this.#health.values()];
  }

  /** Adopts what is in the kernel, never flushes first; then wanted state in, extras out. Throws when the wanted state cannot be read. */
  async start(): Promise<void> {
    const wanted = await this.#parts.enforcement.load();
    this.#started = true;
    await Promise.all(this.#parts.gateways.map((gateway) => this.#whole(gateway, wanted)));
  }

  /** Every 30 s: the cheap look. A changed skeleton, or a gateway that was away, leads to the whole one. */
  check(): Promise<void> {
    this.#checking ??= this.#inTurn(async () => {
      const wanted = await this.#parts.enforcement.wanted();
      await Promise.all(this.#parts.gateways.map((gateway) => this.#look(gateway, wanted)));
      await this.#parts.gardener.renew(wanted);
    }).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Every 5 min: the full read-back. Who asks while one is under way gets another one, which sees what is true by then. */
  full(): Promise<void> {
    if (!this.#started) return Promise.resolve();
    this.#reading ??= this.#inTurn(async () => {
      this.#reading = undefined;
      const wanted = await this.#parts.enforcement.load();
      await Promise.all(this.#parts.gateways.map((gateway) => this.#whole(gateway, wanted)));
    });
    return this.#reading;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    if (!this.#started) return Promise.resolve();
    this.#last = this.#last
      .then(work)
      .catch((cause) => this.#parts.log.error('RECONCILE_FAILED', { text: String(cause).slice(0, 200) }));
    return this.#last;
  }

  async #look(gateway: GatewayLink, wanted: readonly string[]): Promise<void> {
    const skeleton = await gateway.enforcer.skeleton();
    this.#note(gateway.name, { skeleton });
    this.#parts.gardener.setSilent(gateway.name, skeleton === 'unknown');
    // While it did not answer anything may have happened to it: look at all of it once it is back.
    if (skeleton === 'unknown') this.#behind.add(gateway.name);
    else if (skeleton !== 'intact' || this.#behind.has(gateway.name)) await this.#whole(gateway, wanted);
  }

  async #whole(gateway: GatewayLink, wanted: readonly string[]): Promise<void> {
    this.#behind.add(gateway.name);
    if (!this.#parts.hold.current().on) {
      const installed = await gateway.enforcer.install();
      if (!installed.ok) return this.#unseen(gateway, 'GATEWAY_NOT_INSTALLED', installed.error.kind);
      if (installed.value !== 'adopted') await this.#audit(`gateway-${installed.value}`, gateway.name, {});
    }
    const readAt = this.#parts.clock.now();
    const found = await gateway.enforcer.readBack();
    if (!found.ok) return this.#unseen(gateway, 'GATEWAY_NOT_READ', found.error.kind);
    this.#parts.gardener.setSilent(gateway.name, false);
    const { missing, extra } = await this.#parts.gardener.reconcile(gateway, found.value, wanted, readAt);
    this.#behind.delete(gateway.name);
    // On hold nothing was installed: what the skeleton is, only the next look can say.
    const skeleton = this.#parts.hold.current().on ? {} : { skeleton: 'intact' as const };
    this.#note(gateway.name, { ...skeleton, missing, extra, fullAt: this.#parts.clock.now() });
    if (missing + extra > 0) {
      this.#parts.log.warn('GATEWAY_DRIFT', { gateway: gateway.name, missing, extra });
      await this.#audit('gateway-drift', gateway.name, { missing, extra });
    }
  }

  #unseen(gateway: GatewayLink, code: 'GATEWAY_NOT_INSTALLED' | 'GATEWAY_NOT_READ', reason: string): void {
    this.#note(gateway.name, { skeleton: 'unknown' });
    this.#parts.gardener.setSilent(gateway.name, true);
    this.#parts.log.warn(code, { gateway: gateway.name, reason });
  }

  /** A repair that the store cannot record now is done all the same: the gateway counts. */
  async #audit(action: string, gateway: string, detail: Record<string, number>): Promise<void> {
    const entry: AuditDraft = {
      at: this.#parts.clock.now(),
      actor: { kind: 'reconcile' },
      action,
      detail: { gateway, ...detail },
    };
    await this.#parts.store
      .commit({ audit: [entry] })
      .catch((cause) => this.#parts.log.error('ANSWER_NOT_RECORDED', { gateway, text: String(cause).slice(0, 200) }));
  }

  #note(gateway: string, seen: Partial<GatewayHealth>): void {
    const before = this.#health.get(gateway) ?? { gateway, skeleton: 'unknown', checkedAt: 0, missing: 0, extra: 0 };
    this.#health.set(gateway, { ...before, ...seen, gateway, checkedAt: this.#parts.clock.now() });
  }
}
