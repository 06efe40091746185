// The chapter in which ports change hands: both homes behind the CGN dial in anew, and the bot's block is its neighbour's now. The same
// address and port name one household before and another one after, and a late report about before still names the first.
import { MINUTE } from '../core/kernel/time.ts';
import type { Lab, Sighting } from './lab.ts';
import type { Narrator } from './narrator.ts';
import type { LabHome } from './network-plan.ts';
import { browse, shownCase } from './scenes.ts';
import { send, who } from './shared-scenes.ts';
import { waitFor } from './wait.ts';

export interface HandOver {
  readonly bot: LabHome;
  readonly neighbour: LabHome;
  /** What the honeypot saw of the bot before. */
  readonly seen: Sighting;
}

export async function handOverChapter(title: string, lab: Lab, say: Narrator, parts: HandOver): Promise<void> {
  const { bot, neighbour, seen } = parts;
  say.chapter(title);
  const before = lab.cgn!.blockOf(bot)!;
  // Ten minutes apart each: an end inside the minute in which something was seen would name nobody.
  await lab.advanceClock(10 * MINUTE);
  for (const home of [neighbour, bot]) {
    await lab.account(home.number, 'stop');
    await lab.cgn!.release(home);
  }
  await lab.moveClock(10 * MINUTE);
  // The bot's household is first, and gets the first block.
  for (const home of [bot, neighbour]) {
    await lab.account(home.number, 'start', { sessionId: `lab-${home.number}-again` });
    await lab.cgn!.allocate(home);
  }
  const after = lab.cgn!.blockOf(neighbour)!;
  say.fact(
    `both dial in anew; the block of home ${bot.number} is now that of home ${neighbour.number}`,
    after.low === before.low && after.outside === before.outside,
    `${after.outside} ${after.low}–${after.high}`,
  );
  await lab.moveClock(10 * MINUTE);
  for (const { number } of [bot, neighbour]) await lab.account(number, 'interim', { sessionId: `lab-${number}-again` });
  await lab.cgn!.interim();
  const [then, now] = [await who(lab, seen), await untilNamed(lab, { ...seen, at: lab.now() - 5 * MINUTE })];
  say.fact(
    `port ${seen.port} of ${seen.peer}: then home ${bot.number}, now home ${neighbour.number}`,
    then.line?.id === `LAB-${bot.number}` && now.line?.id === `LAB-${neighbour.number}`,
    `${then.line?.id ?? then.reason}, ${now.line?.id ?? now.reason}`,
  );
  await send(lab, { ...seen, at: seen.at + 1000 });
  const shown = await waitFor(
    () => shownCase(lab, bot.number),
    (one) => one?.proof.confirmed === 'strict' && !one.proof.partial,
  );
  const wrong = await shownCase(lab, neighbour.number);
  const four = await browse(lab.homes[neighbour.number - 1]!, 4);
  say.fact(
    `a late report about then: home ${bot.number} stays inside under its new session, home ${neighbour.number} is free`,
    shown?.proof.confirmed === 'strict' && wrong === undefined && four === 200,
    `${shown?.proof.confirmed ?? 'no case'}; ${wrong === undefined ? 'no case' : wrong.case.state}, ${four}`,
  );
}

/** What was logged over UDP arrives when it arrives. */
function untilNamed(lab: Lab, seen: Sighting): ReturnType<typeof who> {
  return waitFor(
    () => who(lab, seen),
    ({ kind }) => kind === 'unique',
  );
}
