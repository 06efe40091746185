// The story of homes that share IPv4 addresses: behind a CGN, with DS-Lite, with MAP-E. Three pairs, one address each; one home of each
// pair has a bot. Every sentence with a mark was observed: packets, the kernels' own lists, the translators' own lines.
import { MINUTE } from '../core/kernel/time.ts';
import { auditChapter } from './audit-chapter.ts';
import type { Lab, Sighting } from './lab.ts';
import type { Narrator } from './narrator.ts';
import { LAB_MAP_RULE, type LabHome, type Sharing } from './network-plan.ts';
import type { Remote } from './remote.ts';
import { browse, type CaseShown, shownCase } from './scenes.ts';
import { beforeTheReport, botIsInside, neighbourBrowsesOn, textOf } from './shared-facts.ts';
import { handOverChapter } from './shared-handover.ts';
import { gardenSize, mirrored, onTheDesk, type Seen, send, softwirePackets, who } from './shared-scenes.ts';
import { psidOfPort } from './softwire/far-ends.ts';
import { oneAddressRule } from './softwire/options.ts';
import { waitFor } from './wait.ts';

/** In this order: the second of each pair has the bot. */
export const SHARED_HOMES = [
  'cgn',
  'cgn',
  'ds-lite',
  'ds-lite',
  'map-e',
  'map-e',
] as const satisfies readonly Sharing[];

const MAP = `
    home 1 ──┐                                        100.64.0.1, .2
    home 2 ──┴────────────────────┐
                                  │
    home 3 ──┐  IPv6 only    ┌────┴────┐   ┌───────┐   ┌──────────┐
    home 4 ──┼── AFTR + BR ──┤   BNG   ├───┤  CGN  ├───┤ internet │
    home 5 ──┤               │ Engawa  │   └───────┘   └──────────┘
    home 6 ──┘               └─────────┘  blocks of ports, and a log of them
      IPv4 in IPv6            the garden: behind softwires, in front of NAT
`;

interface Chapter {
  readonly title: string;
  /** The fact that tells the way from outside to the line, and what its first step is. */
  readonly found: string;
  readonly via: 'translation-log' | 'map-e';
}

const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Behind a CGN',
    found: 'found over the CGN’s log to an inside address, and from there by accounting',
    via: 'translation-log',
  },
  {
    title: 'DS-Lite: IPv4 in IPv6, translated at the AFTR',
    found: 'found over the AFTR’s log to the IPv6 address of a B4, and from there by its delegated prefix',
    via: 'translation-log',
  },
  {
    title: 'MAP-E: a port set by arithmetic',
    found: 'found by arithmetic to a delegated prefix: nothing was logged',
    via: 'map-e',
  },
];

interface Pair extends Chapter {
  readonly neighbour: LabHome;
  readonly bot: LabHome;
}

export class SharedStory {
  readonly lab: Lab;
  readonly #say: Narrator;
  readonly #pairs: readonly Pair[];

  constructor(lab: Lab, narrator: Narrator) {
    if (lab.cgn === undefined) throw new Error('this story needs a lab with homes that share addresses');
    this.lab = lab;
    this.#say = narrator;
    this.#pairs = CHAPTERS.map((chapter, i) => ({
      ...chapter,
      neighbour: lab.network.homes[2 * i]!,
      bot: lab.network.homes[2 * i + 1]!,
    }));
  }

  async tell(): Promise<void> {
    await this.#homesComeUp();
    await this.#outsideSeesThree();
    await this.#withoutPort();
    for (const [i, pair] of this.#pairs.entries()) await this.#oneOfTwo(i + 4, pair);
    const [{ bot, neighbour }] = this.#pairs as [Pair];
    const seen = this.#sightingOf(bot)!;
    await handOverChapter('7. Ports change hands', this.lab, this.#say, { bot, neighbour, seen });
    await auditChapter('8. The record', this.lab, this.#say);
  }

  async #homesComeUp(): Promise<void> {
    const say = this.#say;
    const { network, cgn } = this.lab;
    say.chapter('1. Six homes, three addresses');
    for (const row of MAP.split('\n').slice(1, -1)) say.tell(row);
    const imported = await this.lab.importLines();
    say.fact('the lines are known', imported['added'] === network.homes.length, `${String(imported['added'])} lines`);
    for (const home of network.homes) {
      const isUp = await this.lab.account(home.number, 'start');
      const own = home.sharing === 'map-e' ? 'no IPv4 address of its own' : home.ip4;
      say.fact(`home ${home.number} dials in`, isUp, `${own}, ${home.prefix6}`);
      if (home.sharing === 'map-e') continue;
      const block = await cgn!.allocate(home);
      say.tell(
        `  the ${home.sharing === 'cgn' ? 'CGN' : 'AFTR'} gives ${block.inside} the ports ${block.low}–${block.high} of ${block.outside}, and logs it`,
      );
    }
    await this.lab.advanceClock(15 * MINUTE);
    say.tell('(The lab moves its clock on by 15 minutes: an address has one certain holder.)');
    for (const { number } of network.homes) {
      const [four, six] = [await browse(this.#at(number), 4), await browse(this.#at(number), 6)];
      say.fact(`home ${number} browses over IPv4 and IPv6`, four === 200 && six === 200, `${four}, ${six}`);
    }
    const { inside, bare } = await softwirePackets(this.lab);
    say.fact(
      'IPv4 of homes 3 to 6 travels inside IPv6',
      inside > 0 && bare === 0,
      `${inside} packets inside, ${bare} bare`,
    );
  }

  async #outsideSeesThree(): Promise<void> {
    const say = this.#say;
    say.chapter('2. What a server outside sees');
    for (const { bot, neighbour } of this.#pairs) {
      const [one, two] = [await mirrored(this.lab, neighbour), await mirrored(this.lab, bot)];
      say.fact(
        `homes ${neighbour.number} and ${bot.number} are one address, each with ports of its own`,
        one !== undefined && one.address === two?.address && this.#isOwn(neighbour, one) && this.#isOwn(bot, two),
        `${textOf(one)} and ${textOf(two)}`,
      );
    }
    for (const { bot } of this.#pairs) {
      const { honeypot } = this.lab.network.addresses;
      await this.#at(bot.number).do('bot.start', { targets: [{ address: honeypot.ip4, port: 23 }], perSecond: 2 });
    }
    const seen = await waitFor(
      async () => this.#pairs.map(({ bot }) => this.#sightingOf(bot)),
      (all) => all.every((one) => one !== undefined),
    );
    say.fact('bots in homes 2, 4 and 6 log in to a honeypot', !seen.includes(undefined), seen.map(textOf).join(', '));
  }

  async #withoutPort(): Promise<void> {
    const say = this.#say;
    say.chapter('3. A report without a port names nobody');
    for (const { bot, neighbour } of this.#pairs) {
      const seen = this.#sightingOf(bot);
      if (seen === undefined) throw new Error('nobody knocked: the story cannot go on');
      await send(this.lab, seen, { port: undefined });
      const row = await onTheDesk(this.lab, seen.peer);
      say.fact(
        `${seen.peer} alone may be home ${neighbour.number} or ${bot.number}: it waits on the desk`,
        row?.kind === 'ambiguous',
        row === undefined ? 'it is not there' : `${row.kind}: ${row.reason}`,
      );
    }
    const cases = await this.lab.order('case.list', {});
    const garden = await gardenSize(this.lab);
    say.fact('nothing acts: no case, nobody in the garden', (cases['cases'] as unknown[]).length === 0 && garden === 0);
  }

  async #oneOfTwo(chapter: number, pair: Pair): Promise<void> {
    const say = this.#say;
    const { bot, neighbour } = pair;
    say.chapter(`${chapter}. ${pair.title}`);
    const seen = this.#sightingOf(bot)!;
    const before = await mirrored(this.lab, neighbour);
    await beforeTheReport(this.lab, bot);
    say.tell(`Somebody in home ${bot.number} is on an emergency call. The honeypot reports ${textOf(seen)}.`);
    await send(this.lab, seen);
    const shown = await waitFor(
      () => shownCase(this.lab, bot.number),
      (one) => one?.proof.confirmed === 'strict',
    );
    say.fact('it is the line of the bot', shown?.case.line === `LAB-${bot.number}`, shown?.case.line ?? 'no case');
    const steps = await who(this.lab, seen);
    say.fact(
      pair.found,
      steps.kind === 'unique' && steps.via[0]?.kind === pair.via && insideOf(bot) === steps.via[0].inside,
      `${steps.kind}: ${steps.via.map(({ id, inside }) => `${id} → ${inside}`).join(', ')} → ${steps.line?.id ?? steps.reason}`,
    );
    const held = shown?.proof.elements.map(({ prefix }) => prefix.includes(':')) ?? [];
    say.fact(
      'the gateway proves strict, for IPv4 and IPv6',
      shown?.proof.confirmed === 'strict' && !shown.proof.partial && held.includes(true) && held.includes(false),
      elementsOf(shown),
    );
    await botIsInside(this.lab, say, bot);
    await neighbourBrowsesOn(this.lab, say, { ...pair, before, shown });
  }

  /** What the honeypot saw last of this home, by the block or port set that is the home's. */
  #sightingOf(home: LabHome): Sighting | undefined {
    return this.lab.sightings().findLast(({ peer, port }) => this.#isOwn(home, { address: peer, port }));
  }

  #isOwn(home: LabHome, { address, port }: Seen): boolean {
    if (home.sharing === 'map-e')
      return address === LAB_MAP_RULE.address && psidOfPort(oneAddressRule(LAB_MAP_RULE), port) === home.number;
    const block = this.lab.cgn!.blockOf(home);
    return block !== undefined && address === block.outside && port >= block.low && port <= block.high;
  }

  #at(number: number): Remote {
    return this.lab.homes[number - 1]!;
  }
}

/** As a prefix: what the first step leads to. */
function insideOf({ sharing, ip4, softwire, prefix6 }: LabHome): string {
  return sharing === 'cgn' ? ip4 : sharing === 'ds-lite' ? softwire! : prefix6;
}

function elementsOf(shown: CaseShown | undefined): string {
  return shown?.proof.elements.map(({ prefix, phase }) => `${prefix} ${phase}`).join(', ') ?? 'no case';
}
