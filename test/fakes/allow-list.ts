// An AllowList that remembers what it was told and in which order, and fails or hangs when a test says so.
import { err, ok, type Result } from '../../src/core/kernel/result.ts';
import { formatIp, type Ip } from '../../src/core/net/ip.ts';
import type { AllowList, EnforceError } from '../../src/flow/ports.ts';

export class FakeAllowList implements AllowList {
  readonly told: string[] = [];
  readonly strict = new Set<string>();
  isSeeded = true;
  aliveCount = 0;
  onAlive: (() => Promise<void>) | undefined;
  mode: 'works' | 'unavailable' | 'hangs' | 'throws' = 'works';
  /** Waits before each confirmation, so that a test can see what came first. */
  onTold: ((line: string) => Promise<void> | void) | undefined;

  allow(entries: readonly { readonly pack: string; readonly ip: Ip; readonly timeoutSeconds: number }[]) {
    return this.#take(entries.map((e) => `pack ${e.pack} ${formatIp(e.ip)} ${e.timeoutSeconds}`));
  }

  lifeline(entries: readonly { readonly lifeline: string; readonly ip: Ip; readonly timeoutSeconds: number }[]) {
    return this.#take(entries.map((e) => `lifeline ${e.lifeline} ${formatIp(e.ip)} ${e.timeoutSeconds}`));
  }

  async dnsAlive(): Promise<Result<void, EnforceError>> {
    if (this.mode === 'works') this.aliveCount++;
    await this.onAlive?.();
    return this.#take([]);
  }

  async dnsOff(): Promise<Result<void, EnforceError>> {
    return this.#take(['dns off']);
  }

  isStrict(ip: Ip): boolean {
    return this.strict.has(formatIp(ip));
  }

  async #take(lines: readonly string[]): Promise<Result<void, EnforceError>> {
    if (this.mode === 'hangs') return new Promise(() => undefined);
    if (this.mode === 'throws') throw new Error('the helper is gone');
    if (this.mode === 'unavailable') return err({ kind: 'unavailable', text: 'no helper' });
    for (const line of lines) await this.onTold?.(line);
    this.told.push(...lines);
    return ok(undefined);
  }
}
