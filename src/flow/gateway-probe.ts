// One test line through a gateway that answers later, end to end: into the garden, what proves it, out again, what proves that.
// For a line nobody lives behind; what was learned is written down and shown beside the gateway.
import type { Prefix } from '../core/net/prefix.ts';
import { formatPrefix } from '../core/net/prefix.ts';
import type { Clock, Enforcer, GatewayWord } from './ports.ts';

export interface ProbeStep {
  readonly step: 'strict' | 'off';
  readonly acked: boolean;
  /** Something other than the acknowledgement says so. */
  readonly confirmed: boolean;
  readonly ackedAfterMs?: number;
  readonly confirmedAfterMs?: number;
  readonly failure?: string;
}

export interface ProbeParts {
  readonly enforcer: Enforcer & Required<Pick<Enforcer, 'onWord'>>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly prefixes: readonly Prefix[];
  /** How long an acknowledgement is waited for. */
  readonly ackWithinMs: number;
  /** And then a proof: at least one interim interval, or there cannot be one. */
  readonly proofWithinMs: number;
  readonly progress: (text: string) => void;
}

/** The line is out again whatever happens in between, as far as the gateway answers. */
export async function probeGateway(parts: ProbeParts): Promise<readonly ProbeStep[]> {
  const heard = new Hearing(parts);
  parts.progress('strict: sent');
  const timeoutSeconds = Math.ceil((parts.ackWithinMs + parts.proofWithinMs) / 1000) + 60;
  const put = parts.prefixes.map((prefix) => ({ prefix, access: 'strict' as const, abusedPorts: [], timeoutSeconds }));
  const into = await heard.step('strict', 'strict', () => parts.enforcer.apply({ put, remove: [] }));
  parts.progress('off: sent');
  const out = await heard.step('off', 'open', () => parts.enforcer.apply({ put: [], remove: parts.prefixes }));
  heard.end();
  return [into, out];
}

class Hearing {
  readonly #parts: ProbeParts;
  readonly #texts: ReadonlySet<string>;
  #wake: () => void = () => {};
  #words: GatewayWord[] = [];
  #isOver = false;

  constructor(parts: ProbeParts) {
    this.#parts = parts;
    this.#texts = new Set(parts.prefixes.map(formatPrefix));
    parts.enforcer.onWord((words) => {
      if (this.#isOver) return;
      this.#words.push(...words.filter(({ prefix }) => this.#texts.has(formatPrefix(prefix))));
      this.#wake();
    });
  }

  end(): void {
    this.#isOver = true;
  }

  async step(
    step: ProbeStep['step'],
    access: GatewayWord['access'],
    act: () => ReturnType<Enforcer['apply']>,
  ): Promise<ProbeStep> {
    const beganMs = this.#parts.clock.monotonicMs();
    this.#words = [];
    const taken = await act();
    if (!taken.ok) return { step, acked: false, confirmed: false, failure: taken.error.kind };
    const has = (word: GatewayWord['word']) => this.#words.some((one) => one.access === access && one.word === word);
    const ackedAfterMs = await this.#until(() => has('acked') || has('confirmed'), this.#parts.ackWithinMs, beganMs);
    if (ackedAfterMs === undefined) {
      const failure = this.#words.findLast((one) => one.failure !== undefined)?.failure ?? 'no answer';
      return { step, acked: false, confirmed: false, failure };
    }
    this.#parts.progress(`${step}: acknowledged after ${ackedAfterMs} ms; waiting for proof`);
    const confirmedAfterMs = await this.#until(() => has('confirmed'), this.#parts.proofWithinMs, beganMs);
    const failure = this.#words.findLast((one) => one.failure !== undefined)?.failure;
    return {
      step,
      acked: true,
      ackedAfterMs,
      confirmed: confirmedAfterMs !== undefined,
      ...(confirmedAfterMs === undefined ? {} : { confirmedAfterMs }),
      ...(failure === undefined || confirmedAfterMs !== undefined ? {} : { failure }),
    };
  }

  /** ms since the step began; undefined = not within the time. */
  async #until(isTrue: () => boolean, withinMs: number, beganMs: number): Promise<number | undefined> {
    const deadlineMs = this.#parts.clock.monotonicMs() + withinMs;
    while (!isTrue()) {
      const leftMs = deadlineMs - this.#parts.clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 1000));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return Math.round(this.#parts.clock.monotonicMs() - beganMs);
  }
}
