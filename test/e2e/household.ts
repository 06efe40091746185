// A lab ready for a browser: homes with a history, Engawa running; and a home whose bot was reported and whose garden is proven.
import { MINUTE } from '../../src/core/kernel/time.ts';
import { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/wait.ts';

export interface CaseShown {
  readonly case: { readonly state: string; readonly access: string; readonly checkCode: string };
  readonly proof: { readonly wanted: string; readonly confirmed: string };
  readonly selfRelease: { readonly allowed: boolean };
}

export async function settledLab(homes: number): Promise<Lab> {
  const lab = await Lab.build({ homes, masquerade: false });
  try {
    await lab.startEngawa();
    await lab.importLines();
    for (let home = 1; home <= homes; home++) await lab.account(home, 'start');
    await lab.advanceClock(15 * MINUTE);
    return lab;
  } catch (cause) {
    await lab.destroy();
    throw cause;
  }
}

/** The case of a home as support would see it; undefined before there is one. */
export async function shown(lab: Lab, home: number): Promise<CaseShown | undefined> {
  try {
    return (await lab.order('case.show', { find: `LAB-${home}` })) as unknown as CaseShown;
  } catch {
    return undefined;
  }
}

/** A bot of this home knocks on the honeypot, whose report closes the garden; ends when the gateway has proven it. */
export async function quarantine(lab: Lab, home: number): Promise<CaseShown> {
  const { honeypot } = lab.network.addresses;
  const own = lab.network.homes[home - 1]!;
  await lab.homes[home - 1]!.do('bot.start', { targets: [{ address: honeypot.ip4, port: 23 }], perSecond: 4 });
  const seen = await waitFor(
    async () => lab.sightings().filter(({ peer }) => peer === own.ip4),
    (list) => list.length > 0,
  );
  const sighting = seen.at(-1);
  if (sighting === undefined) throw new Error(`nobody knocked from home ${home}`);
  const answer = await lab.report(sighting);
  if (answer.status !== 200) throw new Error(`the report was answered ${answer.status}: ${answer.body}`);
  const found = await waitFor(
    () => shown(lab, home),
    (one) => one?.proof.confirmed === 'strict',
    20_000,
  );
  if (found?.proof.confirmed !== 'strict') throw new Error(`no garden for home ${home}: ${JSON.stringify(found)}`);
  return found;
}
