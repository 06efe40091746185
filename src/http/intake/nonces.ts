// One signature, one delivery: the same again hears the answer of the first time, other content under its nonce is a replay (F04).
import type { Instant } from '../../core/kernel/time.ts';
import type { Nonces } from '../../flow/ports.ts';
import { fromKept, type IntakeAnswer, isPassing, toKept } from './answer.ts';
import { FRESH_MS } from './senders.ts';

export interface SignedDelivery {
  readonly sender: string;
  readonly nonce: string;
  /** SHA-256 (hex) of what was signed about the body and where it goes. */
  readonly digest: string;
  readonly createdAt: Instant;
}

export class OncePerNonce {
  readonly #nonces: Nonces;
  readonly #inWork = new Map<string, Promise<IntakeAnswer>>();

  constructor(nonces: Nonces) {
    this.#nonces = nonces;
  }

  /** Of two at the same time the second waits for the first. Rejects only when the nonce could not be written down. */
  async answer(delivery: SignedDelivery, work: () => Promise<IntakeAnswer>): Promise<IntakeAnswer | 'replay'> {
    const { sender, nonce, digest, createdAt } = delivery;
    // Durable before anything is done; it may be forgotten when its time alone would be refused.
    const claimed = await this.#nonces.claim({ sender, nonce, digest, expiresAt: createdAt + 2 * FRESH_MS });
    if (claimed.kind === 'other') return 'replay';
    if (claimed.kind === 'same' && claimed.answer !== undefined) return fromKept(claimed.answer);
    const key = `${sender} ${nonce}`;
    const working = this.#inWork.get(key) ?? this.#do(delivery, work).finally(() => this.#inWork.delete(key));
    this.#inWork.set(key, working);
    return working;
  }

  /** A crash in between leaves a nonce without answer: the same delivery then does the work, whose rows are known. */
  async #do({ sender, nonce }: SignedDelivery, work: () => Promise<IntakeAnswer>): Promise<IntakeAnswer> {
    const answer = await work();
    if (!isPassing(answer)) await this.#nonces.keep(sender, nonce, toKept(answer));
    return answer;
  }
}
