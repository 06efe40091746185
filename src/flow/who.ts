// Who held this address (and port) at that time, as attribution would answer a report about it: the line, what the answer rests on,
// and how sure it is. Looks only; records nothing and decides nothing.
import { type Instant, SECOND } from '../core/kernel/time.ts';
import type { Attribution } from '../core/line/attribution.ts';
import type { Line } from '../core/line/line.ts';
import type { Ip } from '../core/net/ip.ts';
import type { Attributor } from './attribute.ts';
import type { Clock, Store } from './ports.ts';

export interface WhoQuestion {
  readonly ip: Ip;
  readonly port?: number;
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  readonly at: Instant;
  readonly precisionMs?: number;
}

export interface WhoAnswer {
  readonly attribution: Attribution;
  readonly line: Line | undefined;
  /** All in question, as far as they are lines of ours. */
  readonly candidates: readonly Line[];
}

const MOST_CANDIDATES = 50;

export async function who(
  parts: {
    readonly attributor: Attributor;
    readonly store: Pick<Store, 'line'>;
    readonly clock: Pick<Clock, 'now'>;
  },
  question: WhoQuestion,
): Promise<WhoAnswer> {
  const { ip, port, protocol, at, precisionMs = SECOND } = question;
  const report = {
    id: 'who',
    source: 'who',
    type: 'who',
    class: 'info' as const,
    mayAct: false,
    family: 'unknown',
    ip,
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    observedAt: at,
    precisionMs,
    evidence: { hash: '', line: 0 },
    extra: {},
  };
  const { attribution, line } = await parts.attributor.attribute(report, parts.clock.now());
  const ids = [...new Set(attribution.candidates.map((one) => one.lineId))].slice(0, MOST_CANDIDATES);
  const candidates = (await Promise.all(ids.map((id) => parts.store.line(id)))).filter((one) => one !== undefined);
  return { attribution, line, candidates };
}
