// Runs beside the steps, level-triggered: compares wanted with observed for every gateway and repairs what a crash, a
// lost answer, a foreign flush or a reboot left behind. On hold it only looks.
import type { Enforcement } from './enforce.ts';
import type { Gardener, GatewayLink } from './gardener.ts';
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
  #running: Promise<void> | undefined;
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

  /** Every 30 s: the cheap look. A missing or changed skeleton, or a vanished element, leads to the whole one. */
  check(): Promise<void> {
    return this.#once(async () => {
      const wanted = await this.#parts.enforcement.load();
      await Promise.all(
        this.#parts.gateways.map(async (gateway) => {
          const skeleton = await gateway.enforcer.skeleton();
          this.#note(gateway.name, { skeleton });
          if (skeleton === 'missing' || skeleton === 'changed') await this.#whole(gateway, wanted);
        }),
      );
      if (!this.#parts.hold.current().on) await this.#parts.gardener.renew();
    });
  }

  /** Every 5 min: the full read-back. */
  full(): Promise<void> {
    return this.#once(async () => {
      const wanted = await this.#parts.enforcement.load();
      await Promise.all(this.#parts.gateways.map((gateway) => this.#whole(gateway, wanted)));
    });
  }

  #once(work: () => Promise<void>): Promise<void> {
    if (!this.#started) return Promise.resolve();
    this.#running ??= work()
      .catch((cause) => this.#parts.log.error('RECONCILE_FAILED', { text: String(cause).slice(0, 200) }))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #whole(gateway: GatewayLink, wanted: readonly string[]): Promise<void> {
    if (!this.#parts.hold.current().on) {
      const installed = await gateway.enforcer.install();
      if (!installed.ok) {
        this.#note(gateway.name, { skeleton: 'unknown' });
        this.#parts.log.warn('GATEWAY_NOT_INSTALLED', { gateway: gateway.name, reason: installed.error.kind });
        return;
      }
      if (installed.value !== 'adopted') await this.#audit(`gateway-${installed.value}`, gateway.name, {});
    }
    const found = await gateway.enforcer.readBack();
    if (!found.ok) {
      this.#note(gateway.name, { skeleton: 'unknown' });
      this.#parts.log.warn('GATEWAY_NOT_READ', { gateway: gateway.name, reason: found.error.kind });
      return;
    }
    const { missing, extra } = await this.#parts.gardener.reconcile(gateway.name, found.value, wanted);
    this.#note(gateway.name, { skeleton: 'intact', missing, extra, fullAt: this.#parts.clock.now() });
    if (missing + extra > 0) {
      this.#parts.log.warn('GATEWAY_DRIFT', { gateway: gateway.name, missing, extra });
      await this.#audit('gateway-drift', gateway.name, { missing, extra });
    }
  }

  async #audit(action: string, gateway: string, detail: Record<string, number>): Promise<void> {
    const entry: AuditDraft = {
      at: this.#parts.clock.now(),
      actor: { kind: 'reconcile' },
      action,
      detail: { gateway, ...detail },
    };
    await this.#parts.store.commit({ audit: [entry] });
  }

  #note(gateway: string, seen: Partial<GatewayHealth>): void {
    const before = this.#health.get(gateway) ?? { gateway, skeleton: 'unknown', checkedAt: 0, missing: 0, extra: 0 };
    this.#health.set(gateway, { ...before, ...seen, gateway, checkedAt: this.#parts.clock.now() });
  }
}
