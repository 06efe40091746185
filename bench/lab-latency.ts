// How long a household waits, on the lab's BNG with every part running: from a report at the API to the garden proven for both
// families, and from a click of support to the release proven. Asked every few milliseconds over the control socket. The
// baseline is the time the kernel alone needs: nft in that namespace, one element in and listed again. Needs root.
import { HOUR, MINUTE } from '../src/core/kernel/time.ts';
import { Lab } from '../src/lab/lab.ts';
import { percentile, report } from './lib/report.ts';

const [HOMES, SECONDS, MAX_SAMPLES] = [6, 15, 30];
const DEADLINE_MS = 10_000;
const ASK_EVERY_MS = 4;

interface Shown {
  readonly case: { readonly id: string; readonly state: string };
  readonly proof: { readonly confirmed: string; readonly elements: readonly unknown[] };
}

async function proven(lab: Lab, home: number, isIt: (shown: Shown) => boolean): Promise<Shown> {
  let last: Shown | undefined;
  for (const begun = performance.now(); performance.now() - begun < DEADLINE_MS; ) {
    const shown = (await lab.order('case.show', { find: `LAB-${home}` }).catch(() => undefined)) as Shown | undefined;
    if (shown !== undefined && isIt(shown)) return shown;
    last = shown;
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  throw new Error(`home ${home}: not proven within ${DEADLINE_MS} ms, last seen ${JSON.stringify(last?.case)}`);
}

async function oneHome(lab: Lab, home: number, at: { garden: number[]; release: number[] }): Promise<void> {
  const { ip4 } = lab.network.homes[home - 1]!;
  let begun = performance.now();
  const answer = await lab.report({ peer: ip4, port: 40_000 + home, at: lab.now(), destinationPort: 23 });
  if (answer.status !== 200) throw new Error(`the report was not taken: ${answer.body}`);
  const isIn = ({ proof, case: { state } }: Shown) =>
    state === 'quarantined' && proof.confirmed === 'strict' && proof.elements.length > 1;
  const shown = await proven(lab, home, isIn);
  at.garden.push(performance.now() - begun);
  begun = performance.now();
  await lab.order('case.release', { find: shown.case.id, reason: 'bench', by: 'bench' });
  await proven(lab, home, ({ proof }) => proof.confirmed === 'open');
  at.release.push(performance.now() - begun);
}

/** No grace and no limit of tightenings is left; everybody has dialled in anew a quarter of an hour ago. */
async function nextDay(lab: Lab, day: number): Promise<void> {
  await lab.moveClock(26 * HOUR);
  for (let home = 1; home <= HOMES; home++) await lab.account(home, 'start', { sessionId: `day-${day}-${home}` });
  await lab.advanceClock(15 * MINUTE);
}

/** What nft needs for the same, a process each time. */
async function kernelAlone({ network }: Lab): Promise<number> {
  const { table } = network.spec;
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    const begun = performance.now();
    await network.exec(network.bng, ['nft', 'add', 'element', 'inet', table, 'leaky4', '{ 192.0.2.126 timeout 60s }']);
    await network.exec(network.bng, ['nft', 'list', 'set', 'inet', table, 'leaky4']);
    times.push(performance.now() - begun);
    await network.exec(network.bng, ['nft', 'delete', 'element', 'inet', table, 'leaky4', '{ 192.0.2.126 }']);
  }
  return percentile(times, 0.5);
}

const lab = await Lab.build({ homes: HOMES });
try {
  await lab.startEngawa();
  await lab.importLines();
  for (let home = 1; home <= HOMES; home++) await lab.account(home, 'start');
  await lab.advanceClock(15 * MINUTE);
  const baseline = await kernelAlone(lab);
  const took: { garden: number[]; release: number[] } = { garden: [], release: [] };
  const begun = performance.now();
  for (let i = 0; i < MAX_SAMPLES && performance.now() - begun < SECONDS * 1000; i++) {
    if (i > 0 && i % HOMES === 0) await nextDay(lab, i / HOMES);
    await lab.advanceClock(11 * MINUTE); // the breaker's ten minutes
    await oneHome(lab, (i % HOMES) + 1, took);
  }
  const figure = (what: string, values: number[], part: number) => ({
    what: `${what} (p${part * 100}, ${values.length} times)`,
    value: percentile(values, part),
    unit: 'ms',
    baseline: { what: 'nft add and list by hand', value: baseline },
    ratio: percentile(values, part) / baseline,
  });
  report('lab-latency', [
    figure('report → confirmed garden', took.garden, 0.5),
    { ...figure('report → confirmed garden', took.garden, 0.99), goal: '< 1,000' },
    figure('click → confirmed release', took.release, 0.5),
    { ...figure('click → confirmed release', took.release, 0.99), goal: '< 1,000' },
  ]);
} finally {
  await lab.destroy();
}
