// The story of a line behind the second BNG – a simulated one – that is told by RADIUS alone: what AAA lets in, what a CoA closes, what
// a re-dial does not open, what a release opens. Every sentence with a mark was observed: packets, pages, the BNG's own counts.
import { DAY, HOUR, MINUTE } from '../core/kernel/time.ts';
import { auditChapter } from './audit-chapter.ts';
import { findFreeRadius } from './free-radius.ts';
import type { Lab } from './lab.ts';
import type { Narrator } from './narrator.ts';
import type { LabHome } from './network-plan.ts';
import type { Remote } from './remote.ts';
import {
  browse,
  CALL_GAP_MS,
  type CallState,
  type CaseShown,
  consent,
  householdSteps,
  type Knock,
  readForAWhile,
  shownCase,
} from './scenes.ts';
import type { SecondBng } from './second-bng.ts';
import { LAB_NAMES } from './site.ts';
import { Visitor } from './visitor.ts';
import { waitFor } from './wait.ts';

/** Home 1 hangs on the Linux gateway, 2 and 3 on the second BNG. */
const BOT_HOME = 2;
const NEIGHBOUR_HOME = 3;
const AFTER_REDIAL = '192.0.2.180';
const FAMILIES = [
  ['ip4', 4],
  ['ip6', 6],
] as const;

export class RadiusStory {
  readonly lab: Lab;
  readonly #say: Narrator;
  readonly #second: SecondBng;
  readonly #bot: Remote;
  readonly #botHome: LabHome;
  readonly #neighbour: Remote;
  readonly #visitor: Visitor;

  constructor(lab: Lab, narrator: Narrator) {
    if (lab.second === undefined) throw new Error('this story needs a lab with a second BNG');
    this.lab = lab;
    this.#say = narrator;
    this.#second = lab.second;
    this.#bot = lab.homes[BOT_HOME - 1]!;
    this.#botHome = lab.network.homes[BOT_HOME - 1]!;
    this.#neighbour = lab.homes[NEIGHBOUR_HOME - 1]!;
    this.#visitor = new Visitor(this.#bot, lab.site.caFile);
  }

  async tell(): Promise<void> {
    await this.#homesComeUp();
    await this.#botKnocks();
    await this.#lineIsFound();
    await this.#gardenHolds();
    await this.#portalOpens();
    await this.#redialStaysInside();
    await this.#consentIsGiven();
    await this.#openAgain();
    await this.#bngCounts();
    await auditChapter('10. The record', this.lab, this.#say);
  }

  async #homesComeUp(): Promise<void> {
    const say = this.#say;
    say.chapter('1. A second BNG that only speaks RADIUS');
    say.tell('It is a simulated one: real RADIUS packets, real forwarding, an invented box.');
    const who = this.lab.freeRadius === undefined ? 'Engawa’s own AAA' : `FreeRADIUS ${await findFreeRadius()}`;
    say.tell(`Logins at it are answered by ${who}${this.lab.freeRadius === undefined ? '' : ' with our recipe'}.`);
    const imported = await this.lab.importLines();
    say.fact('the lines are known', imported['added'] === this.lab.homes.length, `${String(imported['added'])} lines`);
    say.fact('home 1 dials in at the Linux gateway', await this.lab.account(1, 'start'));
    const early = await this.knock(this.lab.network.addresses.site.ip4, 9000);
    say.fact('home 2 without a session reaches nothing', early.outcome !== 'open', early.outcome);
    for (const number of [BOT_HOME, NEIGHBOUR_HOME]) {
      const home = this.lab.network.homes[number - 1]!;
      const { kind } = await this.#second.dial(home);
      const session = await this.#second.sessionOf(home);
      say.fact(
        `home ${number} dials in at the second BNG, AAA lets it in`,
        kind === 'up',
        `${kind}: ${home.ip4}, ${home.prefix6}, filter ${session?.names.join(' ') ?? 'none'}`,
      );
    }
    say.fact('its accounting records are durable', await this.#second.accounted());
    await this.lab.advanceClock(15 * MINUTE);
    say.tell('(The lab moves its clock on by 15 minutes: an address has one certain holder.)');
    for (const [name, home] of [
      ['home 2', this.#bot],
      ['home 3', this.#neighbour],
    ] as const) {
      const [four, six] = [await browse(home, 4), await browse(home, 6)];
      say.fact(`${name} browses over IPv4 and IPv6`, four === 200 && six === 200, `${four}, ${six}`);
    }
  }

  async #botKnocks(): Promise<void> {
    const say = this.#say;
    const { emergency, honeypot, site } = this.lab.network.addresses;
    say.chapter('2. Something in home 2 is infected');
    await this.#bot.do('call.start', { address: emergency.ip4, port: 5060 });
    say.tell('Somebody in home 2 is on an emergency call.');
    await this.#bot.do('stream.open', { key: 'four', address: site.ip4, port: 9000 });
    await this.#bot.do('stream.open', { key: 'six', address: site.ip6, port: 9000 });
    await this.#bot.do('bot.start', { targets: [{ address: honeypot.ip4, port: 23 }], perSecond: 4 });
    const seen = await waitFor(
      async () => this.lab.sightings(),
      (list) => list.length > 0,
    );
    say.fact('the bot logs in to a honeypot', seen.length > 0, seen[0] === undefined ? '' : `from ${seen[0].peer}`);
  }

  async #lineIsFound(): Promise<void> {
    const say = this.#say;
    say.chapter('3. Report → line → decision → CoA');
    const sighting = this.lab.sightings().at(-1);
    if (sighting === undefined) throw new Error('nobody knocked: the story cannot go on');
    const begun = performance.now();
    const answer = await this.lab.report(sighting);
    say.fact('the honeypot’s report is durable', answer.status === 200, answer.body.slice(0, 100));
    const acked = await waitFor(
      () => this.#second.counts(),
      ({ acks }) => acks > 0,
      20_000,
    );
    const tookMs = Math.round(performance.now() - begun);
    say.fact(
      'the BNG acknowledges one CoA',
      acked.acks === 1 && acked.naks === 0,
      `${acked.received} received, ${tookMs} ms after the report`,
    );
    const seen = await this.#untilShown((one) => one.proof.confirmed === 'strict');
    say.fact('the line was found', seen?.case.line === `LAB-${BOT_HOME}`, seen?.case.line ?? 'no case');
    say.fact('the policy decided: strict', seen?.case.state === 'quarantined', seen?.case.state ?? '');
    say.fact(
      'its accounting confirms what the acknowledgement alone does not prove, for IPv4 and IPv6',
      seen?.proof.confirmed === 'strict' && !seen.proof.partial && seen.proof.elements.length === 2,
      elementsOf(seen),
    );
  }

  async #gardenHolds(): Promise<void> {
    const say = this.#say;
    say.chapter('4. What the packets say');
    await this.#gardenFacts();
    for (const [key, family] of [
      ['four', 4],
      ['six', 6],
    ] as const) {
      const stream = await waitFor(
        () => this.#bot.do<{ endedBy: string | null }>('stream.state', { key }),
        (one) => one.endedBy !== null,
      );
      say.fact(`the stream that was open before is dead (IPv${family})`, stream.endedBy !== null, stream.endedBy ?? '');
    }
    const call = await this.#bot.do<CallState>('call.state');
    say.fact(
      'the emergency call goes on',
      call.heard > 0 && call.longestGapMs < CALL_GAP_MS,
      `longest gap ${call.longestGapMs} ms`,
    );
    const [four, six] = [await browse(this.#neighbour, 4), await browse(this.#neighbour, 6)];
    say.fact('the neighbour on the same BNG browses as before', four === 200 && six === 200, `${four}, ${six}`);
  }

  /** Holds before and after a re-dial. */
  async #gardenFacts(): Promise<void> {
    const say = this.#say;
    const { packSite, otherSite, emergency, honeypot } = this.lab.network.addresses;
    const support = await this.#bot.do<{ status: number }>('visit', {
      url: `https://${LAB_NAMES.pack}/`,
      ca: this.lab.site.caFile,
    });
    say.fact('a site of the pack answers', support.status === 200, `HTTPS ${support.status}`);
    for (const [ip, family] of FAMILIES) {
      const pack = await this.knock(packSite[ip], 443);
      const other = await this.knock(otherSite[ip], 9000);
      const voice = await this.#bot.do<string | null>('udp', { address: emergency[ip], port: 5060 });
      say.fact(
        `IPv${family}: the pack is open, the rest refused at once, the emergency service answers`,
        pack.outcome === 'open' && other.outcome === 'refused' && voice !== null,
        `${pack.outcome}, ${other.outcome} after ${other.ms} ms, ${voice === null ? 'silent' : 'answered'}`,
      );
    }
    const scanned = await this.knock(honeypot.ip4, 23);
    say.fact('the scanner’s port is closed', scanned.outcome === 'refused', scanned.outcome);
    const found = await this.#bot.do<readonly string[]>('resolve', { name: LAB_NAMES.emergency });
    say.fact('the emergency service’s name resolves', found.includes(emergency.ip4), found.join(', '));
  }

  async #portalOpens(): Promise<void> {
    const say = this.#say;
    say.chapter('5. The page, behind somebody else’s gateway');
    for (const family of [4, 6]) {
      const led = await this.#visitor.open(`http://${LAB_NAMES.otherSite}/`, { follow: false, family });
      say.fact(
        `the BNG leads a plain web page to the portal (IPv${family})`,
        led.status === 302 && led.body.includes(LAB_NAMES.portal),
        led.body,
      );
    }
    const page = await this.#visitor.open(`https://${LAB_NAMES.portal}/en/`);
    const code = (await this.shown())?.case.checkCode;
    say.fact(
      'the portal knows whose line it is: it shows the check code',
      page.status === 200 && code !== undefined && page.body.includes(code),
      `${this.#visitor.title()}, ${code ?? 'no code'}`,
    );
    const other = await this.#neighbour.do<{ status: number; body: string }>('visit', {
      url: `https://${LAB_NAMES.portal}/en/`,
      ca: this.lab.site.caFile,
    });
    say.fact(
      'the neighbour sees nothing of it there',
      other.status === 200 && code !== undefined && !other.body.includes(code),
    );
  }

  async #redialStaysInside(): Promise<void> {
    const say = this.#say;
    say.chapter('6. The household pulls the plug and dials in again');
    await this.#bot.do('call.end');
    await this.lab.advanceClock(5 * MINUTE);
    say.tell('(The lab moves its clock on by 5 minutes. A re-dial ends calls and streams, so nobody is on the phone.)');
    const before = await this.#second.counts();
    const { kind } = await this.#second.redial(this.#botHome, AFTER_REDIAL);
    const session = await this.#second.sessionOf(this.#botHome);
    const after = await this.#second.counts();
    say.fact('a new session under a new address', kind === 'up', `${AFTER_REDIAL}, session ${session?.id ?? 'none'}`);
    say.fact(
      'in the garden from its first packet, because AAA said so and no CoA did',
      session?.access[4] === 'strict' && session.access[6] === 'strict' && after.received === before.received,
      `filter ${session?.names.join(' ') ?? 'none'}`,
    );
    say.fact(
      'its accounting carries the marker that AAA gave it',
      session?.classes.includes('engawa-strict') === true,
      `Class ${session?.classes.join(', ') ?? 'none'}`,
    );
    say.fact('the records are durable', await this.#second.accounted());
    await this.#gardenFacts();
    const seen = await this.#untilShown(
      (one) => one.proof.confirmed === 'strict' && one.proof.elements.some(({ prefix }) => prefix === AFTER_REDIAL),
    );
    say.fact(
      'the garden is confirmed under the new address',
      seen?.proof.confirmed === 'strict' && !seen.proof.partial,
      elementsOf(seen),
    );
  }

  async #consentIsGiven(): Promise<void> {
    const say = this.#say;
    const { honeypot } = this.lab.network.addresses;
    say.chapter('7. Steps, consent, half open');
    await householdSteps(this.#visitor, this.#bot, say);
    await readForAWhile(2000);
    await this.#visitor.choose('answer', 'found');
    const early = this.#visitor.page.url;
    say.fact('too soon after the report: not yet', early.includes('refused/still-seen'), this.#visitor.title());
    await this.lab.advanceClock(11 * MINUTE);
    say.tell('(The lab moves its clock on by 11 minutes. Nothing is reported meanwhile.)');
    const allowed = await this.#untilShown((one) => one.selfRelease.allowed);
    say.fact(
      'now they may release themselves',
      allowed?.selfRelease.allowed === true,
      allowed?.selfRelease.reason ?? '',
    );
    const before = await this.#second.counts();
    await consent(this.#visitor, say);
    const seen = await this.#untilShown((one) => one.proof.confirmed === 'leaky');
    const after = await this.#second.counts();
    say.fact('leaky is confirmed', seen?.proof.confirmed === 'leaky', elementsOf(seen));
    say.fact('by one CoA', after.acks === before.acks + 1, `${after.acks - before.acks} acknowledged`);
    const [four, six] = [await browse(this.#bot, 4), await browse(this.#bot, 6)];
    say.fact('home 2 browses again over IPv4 and IPv6', four === 200 && six === 200, `${four}, ${six}`);
    for (const [ip, family] of FAMILIES) {
      const scanned = await this.knock(honeypot[ip], 23);
      say.fact(`the scanner’s port is still closed (IPv${family})`, scanned.outcome === 'refused', scanned.outcome);
    }
  }

  async #openAgain(): Promise<void> {
    const say = this.#say;
    const { honeypot, otherSite } = this.lab.network.addresses;
    say.chapter('8. Open');
    await this.lab.advanceClock(3 * DAY + HOUR);
    say.tell('(Three days pass on the lab’s clock. Nothing was seen.)');
    const closed = await this.#untilShown((one) => one.case.state === 'closed' && one.proof.confirmed === 'open');
    say.fact('the case is closed: not seen', closed?.case.closeReason === 'not-seen', closed?.case.state ?? '');
    say.fact('open is confirmed', closed?.proof.confirmed === 'open', closed?.proof.confirmed ?? '');
    for (const [ip, family] of FAMILIES) {
      const outcomes = [await this.knock(otherSite[ip], 9000), await this.knock(honeypot[ip], 23)];
      const isFree = outcomes.every(({ outcome }) => outcome === 'open');
      say.fact(`every port is open again (IPv${family})`, isFree, outcomes.map(({ outcome }) => outcome).join(', '));
    }
    await this.#second.redial(this.#botHome);
    const session = await this.#second.sessionOf(this.#botHome);
    say.fact(
      'and the next login is let in as before everything',
      session?.names.join() === 'plan' && session.classes.length === 0,
      `filter ${session?.names.join(' ') ?? 'none'}`,
    );
  }

  async #bngCounts(): Promise<void> {
    const say = this.#say;
    say.chapter('9. What the BNG counted');
    const { received, acks, naks, effects, doubledEffects, reusedIdentifiers } = await this.#second.counts();
    say.fact(
      'every request had one effect, no identifier was used twice',
      doubledEffects === 0 && reusedIdentifiers === 0 && naks === 0,
      `${received} received, ${acks} acknowledged, ${naks} refused, ${effects} effects, ${doubledEffects} doubled, ${reusedIdentifiers} identifiers reused`,
    );
  }

  knock(address: string, port: number): Promise<Knock> {
    return this.#bot.do<Knock>('tcp', { address, port });
  }

  shown(): Promise<CaseShown | undefined> {
    return shownCase(this.lab, BOT_HOME);
  }

  #untilShown(isIt: (one: CaseShown) => boolean): Promise<CaseShown | undefined> {
    return waitFor(
      () => this.shown(),
      (one) => one !== undefined && isIt(one),
      20_000,
    );
  }
}

function elementsOf(seen: CaseShown | undefined): string {
  return seen?.proof.elements.map(({ prefix, phase }) => `${prefix} ${phase}`).join(', ') ?? 'no case';
}
