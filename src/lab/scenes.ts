// What the stories of the lab have in common: how a case is looked at, how somebody browses, what a household does in the portal.
import type { Lab } from './lab.ts';
import type { Narrator } from './narrator.ts';
import type { Remote } from './remote.ts';
import { LAB_NAMES } from './site.ts';
import type { Visitor } from './visitor.ts';

export interface CaseShown {
  readonly case: {
    readonly line: string;
    readonly state: string;
    readonly access: string;
    readonly checkCode: string;
    readonly closeReason: string | null;
  };
  readonly proof: {
    readonly confirmed: string;
    readonly partial: boolean;
    readonly elements: readonly { readonly prefix: string; readonly access: string; readonly phase: string }[];
  };
  readonly selfRelease: { readonly allowed: boolean; readonly reason?: string };
}
export type Knock = { readonly outcome: string; readonly ms: number };
export type CallState = { readonly heard: number; readonly longestGapMs: number };

/** What a caller would notice. */
export const CALL_GAP_MS = 1000;

/** The last case of a home's line as the console would show it; undefined before there is one, or while nobody answers. */
export async function shownCase(lab: Lab, home: number): Promise<CaseShown | undefined> {
  try {
    return (await lab.order('case.show', { find: `LAB-${home}` })) as unknown as CaseShown;
  } catch {
    return undefined;
  }
}

/** The status of a page of the free internet; 0 = no answer. */
export async function browse(home: Remote, family: 4 | 6): Promise<number> {
  const answer = await home.do<{ status: number }>('visit', { url: `http://${LAB_NAMES.site}/`, family });
  return answer.status;
}

/** People read before they press; the portal expects it (W06). */
export function readForAWhile(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Which device it is, unplugged, every step of the guide done. */
export async function householdSteps(visitor: Visitor, home: Remote, say: Narrator): Promise<void> {
  await visitor.open(`https://${LAB_NAMES.portal}/en/device`);
  await readForAWhile(2000);
  await visitor.choose('device', 'camera');
  say.fact('the household says which device it is', visitor.page.status === 200, visitor.title());
  const bot = await home.do('bot.unplug');
  say.tell(`The camera is unplugged (the bot stops: ${JSON.stringify(bot)}).`);
  for (let step = 1; step <= 8 && visitor.page.body.includes('name="step"'); step++) {
    const title = visitor.title();
    await readForAWhile(2000);
    await visitor.choose('answer', 'done');
    say.fact(`step ${step} done: ${title}`, visitor.page.status === 200);
  }
}

/** Reads the declaration, ticks and sends it. */
export async function consent(visitor: Visitor, say: Narrator): Promise<void> {
  await visitor.open(`https://${LAB_NAMES.portal}/en/release`);
  const form = visitor.forms().find((one) => one.method === 'POST' && one.html.includes('name="declared"'));
  say.fact('the declaration can be read', form !== undefined, visitor.title());
  await readForAWhile(7000);
  if (form !== undefined)
    await visitor.send(
      form,
      visitor.boxes().map((box) => ['declared', box] as const),
    );
  say.fact('consent given: the page says what was confirmed', visitor.page.url.endsWith('/result'), visitor.title());
}
