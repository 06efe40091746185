// One order to one session: the dialect's requests one after another, each answer judged. Knows no queue and keeps nothing;
// what came of it is a value. A CoA-ACK says that a NAS took a request, not that anything happened (RFC 5176 §2.3 notwithstanding).
import type { Dialect, NakVerdict, Order } from '../../../core/dialect/dialect.ts';
import { judgeNak } from '../../../core/dialect/error-cause.ts';
import { judgeQuery, type PlanFault, type PlannedRequest, planChange, planQuery } from '../../../core/dialect/plan.ts';
import type { NasSession } from '../../../core/line/session.ts';
import type { Attribute } from '../../../protocols/radius/codec.ts';
import { CODE } from '../../../protocols/radius/codec.ts';
import { decodeNamed, encodeNamed } from '../../../protocols/radius/named.ts';
import type { Exchange } from './nas-client.ts';

export type Outcome =
  | { readonly kind: 'acked' }
  | { readonly kind: 'nak'; readonly cause: number | undefined; readonly verdict: NakVerdict }
  /** `isSent`: something left us, so nobody knows. */
  | { readonly kind: 'unanswered'; readonly text: string; readonly isSent: boolean }
  /** It could not even be asked: a key or a value is missing. */
  | { readonly kind: 'unplanned'; readonly fault: PlanFault };

/** The part of a NasClient that is needed here. */
export interface Asker {
  request(request: {
    readonly code: 40 | 43;
    readonly attributes: readonly Attribute[];
    readonly session: string;
    readonly urgent: boolean;
  }): Promise<Exchange>;
}

export interface ExchangeParts {
  readonly client: Asker;
  readonly dialect: Dialect;
  readonly session: NasSession;
  readonly values: Readonly<Record<string, string>>;
}

export async function tell(parts: ExchangeParts, order: Order, urgent: boolean): Promise<Outcome> {
  const planned = planChange(parts.dialect, parts.session, order, parts.values);
  if (!planned.ok) return { kind: 'unplanned', fault: planned.error };
  for (const [i, request] of planned.value.entries()) {
    const answer = await ask(parts, request, urgent);
    if (answer.kind === 'ack') continue;
    if (answer.kind !== 'nak')
      return { kind: 'unanswered', text: answer.kind, isSent: i > 0 || ('sent' in answer && answer.sent > 0) };
    const verdict = judgeNak(parts.dialect, answer.errorCause, request);
    if (verdict.action !== 'done') return { kind: 'nak', cause: answer.errorCause, verdict };
  }
  return { kind: 'acked' };
}

/** What the NAS says when it is asked; undefined = this dialect cannot ask. */
export async function query(parts: ExchangeParts): Promise<'strict' | 'leaky' | 'open' | 'unknown' | undefined> {
  const request = planQuery(parts.dialect, parts.session, parts.values);
  if (request === undefined) return undefined;
  const answer = await ask(parts, request, false);
  return answer.kind === 'ack' ? judgeQuery(parts.dialect, decodeNamed(answer.attributes), parts.values) : 'unknown';
}

async function ask(parts: ExchangeParts, request: PlannedRequest, urgent: boolean): Promise<Exchange> {
  const encoded = encodeNamed(request.attributes);
  // The loader of dialects tried every value; only a session's own could still be unfit, and then nothing was sent.
  if (!encoded.ok) return { kind: 'timeout', afterMs: 0, sent: 0, badReplies: 0 };
  const { nas, sessionId } = parts.session;
  return parts.client.request({
    code: request.code === 'CoA-Request' ? CODE.coaRequest : CODE.disconnectRequest,
    attributes: encoded.value,
    session: `${nas}\u0000${sessionId}`,
    urgent,
  });
}
