// Forgets the flows that the garden steered, after a release; which ones those are is said in protocols/nftables/conntrack.ts.
// Releases that come close together share one dump of the table.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { type PortSetShape, portSetAt, sameShape } from '../core/net/port-set.ts';
import { prefixOf } from '../core/net/prefix.ts';
import { deleteArguments, type Flow, isSteered, parseFlow } from '../protocols/nftables/conntrack.ts';
import type { HelperError } from '../protocols/nftables/messages.ts';
import { DNS_ZONE } from '../protocols/nftables/ruleset.ts';
import { runTool, streamTool } from './tools.ts';

const CONNTRACK = '/usr/sbin/conntrack';
/** Releases that come close together share one dump: a dump costs about 2.5 µs per entry of the whole table. */
const GATHER_MS = 50;
const DUMP_DEADLINE_MS = 10_000;
const DELETE_DEADLINE_MS = 10_000;
/** A bot's leftovers may be thousands; what is not deleted is harmless and times out. */
const MAX_DELETES = 256;
const MAX_WAITING = 20_000;

export class SteeredFlows {
  readonly #spec: GatewaySpec;
  #waiting: GardenKey[] = [];
  #next: Promise<Result<void, HelperError>> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(spec: GatewaySpec) {
    this.#spec = spec;
  }

  forget(prefixes: readonly GardenKey[]): Promise<Result<void, HelperError>> {
    if (this.#waiting.length + prefixes.length > MAX_WAITING) {
      return Promise.resolve(err({ kind: 'unavailable', text: 'too many releases at once' }));
    }
    this.#waiting.push(...prefixes);
    if (this.#next === undefined) {
      this.#next = this.#running.then(() => new Promise((r) => setTimeout(r, GATHER_MS))).then(() => this.#run());
      this.#running = this.#next;
    }
    return this.#next;
  }

  async #run(): Promise<Result<void, HelperError>> {
    const prefixes = this.#waiting;
    this.#waiting = [];
    this.#next = undefined;
    const flows = await this.#find(prefixes);
    if (!flows.ok) return flows;
    const until = performance.now() + DELETE_DEADLINE_MS;
    for (const flow of flows.value) {
      if (performance.now() > until) return err({ kind: 'unknown', afterMs: DELETE_DEADLINE_MS });
      // Exit code 1 = it ended by itself in between: just as well.
      await runTool([CONNTRACK, ...deleteArguments(flow)], { deadlineMs: DUMP_DEADLINE_MS, maxBytes: 64 * 1024 });
    }
    return ok(undefined);
  }

  /** One dump for all prefixes: open DNS first, then living connections, then what is left, up to the bound. */
  async #find(prefixes: readonly GardenKey[]): Promise<Result<readonly Flow[], HelperError>> {
    const isReleased = memberOf(prefixes);
    const found: Flow[][] = [[], [], []];
    const take = (line: string) => {
      const flow = parseFlow(line);
      if (flow === undefined || !isReleased(flow) || !isSteered(this.#spec, flow)) return;
      const rank = found[flow.zone === DNS_ZONE ? 0 : flow.established ? 1 : 2]!;
      if (rank.length < MAX_DELETES) rank.push(flow);
    };
    const dump = await streamTool([CONNTRACK, '-L'], DUMP_DEADLINE_MS, byLine(take));
    if (dump.ok) return ok(found.flat().slice(0, MAX_DELETES));
    const text = dump.error.kind === 'failed' ? dump.error.stderr.slice(0, 200) : dump.error.kind;
    return err({ kind: 'unavailable', text: `conntrack -L: ${text}` });
  }
}

/** A flow's own port tells whose it is where the address is shared: a neighbour's flows are none of a release's business. */
function memberOf(released: readonly GardenKey[]): (flow: Pick<Flow, 'source' | 'sourcePort'>) => boolean {
  const keys = new Set(released.map(formatKey));
  const whole = released.filter((key) => key.portSet === undefined);
  const lengths = { 4: lengthsOf(whole, 4), 6: lengthsOf(whole, 6) };
  const shapes = shapesOf(released);
  return ({ source, sourcePort }) => {
    if (lengths[source.family].some((length) => keys.has(formatKey(prefixOf(source, length))))) return true;
    return shapes.some((shape) => {
      const portSet = source.family === 4 ? portSetAt(shape, sourcePort) : undefined;
      return portSet !== undefined && keys.has(formatKey({ ...prefixOf(source), portSet }));
    });
  };
}

function lengthsOf(keys: readonly GardenKey[], family: 4 | 6): readonly number[] {
  return [...new Set(keys.filter((key) => key.ip.family === family).map((key) => key.length))];
}

function shapesOf(keys: readonly GardenKey[]): readonly PortSetShape[] {
  const shapes: PortSetShape[] = [];
  for (const { portSet } of keys)
    if (portSet !== undefined && !shapes.some((shape) => sameShape(shape, portSet))) shapes.push(portSet);
  return shapes;
}

/** The table may be huge: lines are looked at as they come and never kept. */
function byLine(take: (line: string) => void): (chunk: Buffer) => boolean {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop()!.slice(0, 4096);
    for (const line of lines) take(line);
    return true;
  };
}
