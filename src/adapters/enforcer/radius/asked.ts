// A request to a NAS from the call to its outcome, whatever happens between.
import type { Attribute } from '../../../protocols/radius/codec.ts';
import type { DynamicReply } from '../../../protocols/radius/dynamic.ts';
import type { Flight } from './flights.ts';

export interface DynamicChange {
  readonly code: 40 | 43;
  readonly attributes: readonly Attribute[];
  /** Whatever tells one session from another: never more than one request of it is under way. */
  readonly session: string;
  /** Towards freedom: goes before all that is not. */
  readonly urgent: boolean;
  readonly signal?: AbortSignal;
}

export type Exchange =
  | (Omit<DynamicReply, 'kind'> & { readonly kind: 'ack' | 'nak'; readonly tookMs: number })
  /** `sent` 0: it never had its turn, so nothing happened. Otherwise nobody knows. */
  | { readonly kind: 'timeout'; readonly afterMs: number; readonly sent: number; readonly badReplies: number }
  | { readonly kind: 'aborted' | 'closed'; readonly sent: number }
  /** Too many wait: not taken. */
  | { readonly kind: 'overflow' };

/** A request from the call to its outcome. */
export interface Asked extends DynamicChange {
  readonly askedMs: number;
  readonly settle: (exchange: Exchange) => void;
  waitingSinceMs: number;
  flight: Flight<Asked> | undefined;
  /** Place of the secret with which it had a full timeout. */
  failedSecret: number | undefined;
  sent: number;
  badReplies: number;
}

export function newAsked(
  change: DynamicChange,
  askedMs: number,
  resolve: (exchange: Exchange) => void,
  onAbort: (asked: Asked) => void,
): Asked {
  const { signal } = change;
  const abort = () => onAbort(asked);
  const asked: Asked = {
    ...change,
    askedMs,
    settle: (exchange) => {
      signal?.removeEventListener('abort', abort);
      resolve(exchange);
    },
    waitingSinceMs: askedMs,
    flight: undefined,
    failedSecret: undefined,
    sent: 0,
    badReplies: 0,
  };
  signal?.addEventListener('abort', abort);
  return asked;
}
