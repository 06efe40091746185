// Through a real kernel: an operator's own table sees a line's access in the packet mark, in both directions, and finds its other
// bits as it left them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Stage, setStage } from './tools/stage.ts';

const MARKS = { mask: 0xf000_0000, strict: 0x8000_0000, leaky: 0x1000_0000 };
/** The operator's own bit, set before ours. */
const OWN = 0x0000_0040;
let stage: Stage;

beforeAll(async () => {
  stage = await setStage({ spec: { modeMarks: MARKS } });
  await stage.loadText(`
    table inet operator {
      chain own { type filter hook prerouting priority -200; meta mark set meta mark | ${OWN}; }
      chain seen {
        type filter hook forward priority 10;
        meta mark ${OWN} counter comment "free"
        meta mark ${MARKS.strict + OWN} counter comment "strict"
        meta mark ${MARKS.leaky + OWN} counter comment "leaky"
      }
    }`);
});
afterAll(() => stage?.end());
afterEach(() => stage.free(stage.network.homes[0]!));

/** Which marks were seen since the last time. */
async function seen(): Promise<readonly string[]> {
  const listed = await stage.nft('-j', 'list', 'chain', 'inet', 'operator', 'seen');
  const { nftables } = JSON.parse(listed.stdout) as { nftables: { rule?: Rule }[] };
  const now = nftables.flatMap(({ rule }) => {
    const counter = rule?.expr.find((one) => 'counter' in one)?.counter;
    return rule === undefined || counter === undefined ? [] : [[rule.comment, counter.packets] as const];
  });
  const grown = now.filter(([comment, packets]) => packets > (before.get(comment) ?? 0)).map(([comment]) => comment);
  for (const [comment, packets] of now) before.set(comment, packets);
  return grown;
}
interface Rule {
  readonly comment: string;
  readonly expr: readonly { readonly counter?: { readonly packets: number } }[];
}
const before = new Map<string, number>();

describe.each(['ip4', 'ip6'] as const)('over %s', (family) => {
  test('question and answer of a garden line bear its access, those of a free line none', async () => {
    const { addresses } = stage.network;
    const [bot, neighbour] = [stage.homes[0]!, stage.homes[1]!];
    const talk = async (who: typeof bot) => {
      await seen();
      expect(await who.udp(addresses.emergency[family], 5060)).toBe('echo');
      return seen();
    };
    expect(await talk(bot)).toEqual(['free']);
    await stage.put(stage.network.homes[0]!, 'strict');
    expect(await talk(bot)).toEqual(['strict']);
    expect(await talk(neighbour)).toEqual(['free']);
    await stage.put(stage.network.homes[0]!, 'leaky');
    expect(await talk(bot)).toEqual(['leaky']);
    await stage.free(stage.network.homes[0]!);
    expect(await talk(bot)).toEqual(['free']);
  });
});
