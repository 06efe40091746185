// One household's way through the garden, told while it happens. Every sentence with a mark was observed: packets, pages,
// the gateway's own answers. Nothing is taken from the service's word alone.
import { DAY, HOUR, MINUTE } from '../core/kernel/time.ts';
import { auditChapter } from './audit-chapter.ts';
import type { Lab } from './lab.ts';
import type { Narrator } from './narrator.ts';
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
import { LAB_NAMES } from './site.ts';
import { Visitor } from './visitor.ts';
import { waitFor } from './wait.ts';

const BOT_HOME = 2;

export class Story {
  readonly lab: Lab;
  readonly #say: Narrator;
  readonly #bot: Remote;
  readonly #neighbour: Remote;
  readonly visitor: Visitor;

  constructor(lab: Lab, narrator: Narrator) {
    this.lab = lab;
    this.#say = narrator;
    this.#bot = lab.homes[BOT_HOME - 1]!;
    this.#neighbour = lab.homes[0]!;
    this.visitor = new Visitor(this.#bot, lab.site.caFile);
  }

  async tell(): Promise<void> {
    await this.#homesComeUp();
    await this.#botKnocks();
    await this.#lineIsFound();
    await this.#gardenHolds();
    await this.#portalOpens();
    await this.#stepsAreDone();
    await this.#leakyIsProven();
    await this.#openAgain();
    await auditChapter('9. The record', this.lab, this.#say);
  }

  async #homesComeUp(): Promise<void> {
    const say = this.#say;
    say.chapter('1. Two homes, a gateway, an internet');
    const { launcher, users } = this.lab;
    say.fact(
      'the helper holds CAP_NET_ADMIN and nothing else',
      launcher.capabilities('helper') === '0000000000001000',
      launcher.capabilities('helper'),
    );
    say.fact(
      'the service holds no capability at all',
      launcher.capabilities('main') === '0000000000000000',
      launcher.capabilities('main'),
    );
    if (users === undefined) say.notSeen('each process as its own user (this machine gives us one user only)');
    const imported = await this.lab.importLines();
    say.fact(
      'the lines are known',
      imported['added'] === this.lab.homes.length,
      `${String(imported['added'])} lines imported`,
    );
    for (const home of [1, 2]) {
      const { ip4, prefix6 } = this.lab.network.homes[home - 1]!;
      say.fact(
        `home ${home} dials in; its accounting record is durable`,
        await this.lab.account(home, 'start'),
        `${ip4}, ${prefix6}`,
      );
    }
    await this.lab.advanceClock(15 * MINUTE);
    say.tell(
      '(The lab moves its clock on by 15 minutes: sessions are no longer new, so an address has one certain holder.)',
    );
    for (const [name, home] of [
      ['home 1', this.#neighbour],
      ['home 2', this.#bot],
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
    say.tell('Somebody in home 2 is on an emergency call. It must never stop from here on.');
    await this.#bot.do('stream.open', { key: 'four', address: site.ip4, port: 9000 });
    await this.#bot.do('stream.open', { key: 'six', address: site.ip6, port: 9000 });
    await this.#bot.do('bot.start', { targets: [{ address: honeypot.ip4, port: 23 }], perSecond: 4 });
    const seen = await waitFor(
      async () => this.lab.sightings(),
      (list) => list.length > 0,
    );
    say.fact(
      'the bot logs in to a honeypot',
      seen.length > 0,
      seen[0] === undefined ? '' : `from ${seen[0].peer}:${seen[0].port} to port ${seen[0].destinationPort}`,
    );
  }

  async #lineIsFound(): Promise<void> {
    const say = this.#say;
    say.chapter('3. Report → line → decision → garden');
    const sighting = this.lab.sightings().at(-1);
    if (sighting === undefined) throw new Error('nobody knocked: the story cannot go on');
    const begun = performance.now();
    const answer = await this.lab.report(sighting);
    say.fact('the honeypot’s report is durable', answer.status === 200, answer.body.slice(0, 100));
    const seen = await waitFor(
      () => this.shown(),
      (one) => one?.proof.confirmed === 'strict',
    );
    const tookMs = Math.round(performance.now() - begun);
    say.fact('the line was found', seen?.case.line === `LAB-${BOT_HOME}`, seen?.case.line ?? 'no case');
    say.fact(
      'the policy decided: strict',
      seen?.case.access === 'strict' && seen.case.state === 'quarantined',
      seen?.case.state ?? '',
    );
    say.fact(
      'the gateway proves it, for IPv4 and IPv6',
      seen?.proof.confirmed === 'strict' && !seen.proof.partial && seen.proof.elements.length === 2,
      `${seen?.proof.elements.map((one) => one.prefix).join(', ')}; ${tookMs} ms after the report`,
    );
  }

  async #gardenHolds(): Promise<void> {
    const say = this.#say;
    const { addresses } = this.lab.network;
    say.chapter('4. What the packets say');
    const support = await this.#bot.do<{ status: number }>('visit', {
      url: `https://${LAB_NAMES.pack}/`,
      ca: this.lab.site.caFile,
    });
    say.fact('a site of the pack answers', support.status === 200, `HTTPS ${support.status}`);
    const other = await this.knock(addresses.otherSite.ip4, 9000);
    say.fact(
      'another site does not (IPv4)',
      other.outcome !== 'open' && other.outcome !== 'silent',
      `${other.outcome} after ${other.ms} ms`,
    );
    const six = await this.knock(addresses.otherSite.ip6, 9000);
    say.fact('nor over IPv6', six.outcome !== 'open' && six.outcome !== 'silent', `${six.outcome} after ${six.ms} ms`);
    for (const key of ['four', 'six'] as const) {
      const stream = await waitFor(
        () => this.#bot.do<{ endedBy: string | null }>('stream.state', { key }),
        (one) => one.endedBy !== null,
      );
      say.fact(
        `the stream that was open before is dead (IPv${key === 'four' ? 4 : 6})`,
        stream.endedBy !== null,
        stream.endedBy ?? 'still alive',
      );
    }
    const foreign = await this.#bot.do<string | null>('udp', { address: addresses.site.ip4, port: 9000 });
    say.fact('UDP to elsewhere gets no answer', foreign === null);
    const scanned = await this.knock(addresses.honeypot.ip4, 23);
    say.fact('the scanner’s port is closed', scanned.outcome === 'refused', scanned.outcome);
    const counted = await waitFor(
      () => this.shown(),
      (one) => one?.selfRelease.reason === 'still-seen',
    );
    say.fact(
      'and its knocking is counted: no self-release while it goes on',
      counted?.selfRelease.reason === 'still-seen',
      counted?.selfRelease.reason ?? 'allowed',
    );
    const call = await this.#bot.do<CallState>('call.state');
    say.fact(
      'the emergency call goes on',
      call.heard > 0 && call.longestGapMs < CALL_GAP_MS,
      `longest gap ${call.longestGapMs} ms`,
    );
    const found = await this.#bot.do<readonly string[]>('resolve', { name: LAB_NAMES.emergency });
    say.fact('its name still resolves', found.includes(addresses.emergency.ip4), found.join(', '));
    const [four, sixth] = [await browse(this.#neighbour, 4), await browse(this.#neighbour, 6)];
    say.fact('the neighbour browses as before', four === 200 && sixth === 200, `${four}, ${sixth}`);
  }

  async #portalOpens(): Promise<void> {
    const say = this.#say;
    say.chapter('5. The page');
    const led = await this.visitor.open(`http://${LAB_NAMES.otherSite}/`, { follow: false });
    say.fact(
      'a plain web page leads to the portal',
      led.status === 302 && led.body.includes(LAB_NAMES.portal),
      led.body,
    );
    const secure = await this.#bot.do<{ status: number; error: string | null }>('visit', {
      url: `https://${LAB_NAMES.otherSite}/`,
      ca: this.lab.site.caFile,
    });
    say.fact(
      'a secure page gets a TLS alert, never a certificate',
      secure.status === 0 && /ALERT|alert|EPROTO/.test(secure.error ?? ''),
      secure.error ?? `status ${secure.status}`,
    );
    const page = await this.visitor.open(`https://${LAB_NAMES.portal}/en/`);
    const shown = await this.shown();
    say.fact('the portal answers with its own certificate', page.status === 200, this.visitor.title());
    say.fact(
      'and shows the check code',
      shown !== undefined && page.body.includes(shown.case.checkCode),
      shown?.case.checkCode ?? '',
    );
    const seen = await this.#neighbour.do<{ status: number; body: string }>('visit', {
      url: `https://${LAB_NAMES.portal}/en/`,
      ca: this.lab.site.caFile,
    });
    say.fact(
      'the neighbour sees nothing of it there',
      seen.status === 200 && shown !== undefined && !seen.body.includes(shown.case.checkCode),
    );
  }

  async #stepsAreDone(): Promise<void> {
    const say = this.#say;
    say.chapter('6. Steps, consent');
    await householdSteps(this.visitor, this.#bot, say);
    await readForAWhile(2000);
    await this.visitor.choose('answer', 'found');
    const early = this.visitor.title();
    say.fact(
      'too soon: «we still see it», the phone is the way out',
      this.visitor.page.url.includes('refused/still-seen'),
      early,
    );
    await this.lab.advanceClock(11 * MINUTE);
    say.tell('(The lab moves its clock on by 11 minutes. Nothing knocks meanwhile.)');
    await waitFor(
      () => this.shown(),
      (one) => one?.selfRelease.allowed === true,
      20_000,
    );
    await consent(this.visitor, say);
  }

  async #leakyIsProven(): Promise<void> {
    const say = this.#say;
    const { addresses } = this.lab.network;
    say.chapter('7. Half open: everything but the scanner’s ports');
    const seen = await waitFor(
      () => this.shown(),
      (one) => one?.proof.confirmed === 'leaky',
    );
    say.fact('the gateway proves leaky', seen?.proof.confirmed === 'leaky', seen?.case.state ?? '');
    const [four, six] = [await browse(this.#bot, 4), await browse(this.#bot, 6)];
    say.fact('home 2 browses again over IPv4 and IPv6', four === 200 && six === 200, `${four}, ${six}`);
    const scanned = await this.knock(addresses.honeypot.ip4, 23);
    say.fact('the scanner’s port is still closed', scanned.outcome === 'refused', scanned.outcome);
    const call = await this.#bot.do<CallState>('call.state');
    say.fact(
      'the emergency call went on through the release',
      call.longestGapMs < CALL_GAP_MS,
      `longest gap ${call.longestGapMs} ms`,
    );
  }

  async #openAgain(): Promise<void> {
    const say = this.#say;
    say.chapter('8. Open');
    await this.lab.advanceClock(3 * DAY + HOUR);
    say.tell('(Three days pass on the lab’s clock. Nothing was seen.)');
    const closed = await waitFor(
      () => this.shown(),
      (one) => one?.case.state === 'closed' && one.proof.confirmed === 'open',
      20_000,
    );
    say.fact(
      'the case is closed: not seen',
      closed?.case.closeReason === 'not-seen',
      closed?.case.closeReason ?? closed?.case.state ?? '',
    );
    say.fact('the gateway proves open', closed?.proof.confirmed === 'open', closed?.proof.confirmed ?? '');
    const port = await this.knock(this.lab.network.addresses.honeypot.ip4, 23);
    say.fact('every port is open again', port.outcome === 'open', port.outcome);
    const call = await this.#bot.do<CallState>('call.end');
    say.fact(
      'the emergency call was never cut',
      call.heard > 0 && call.longestGapMs < CALL_GAP_MS,
      `${call.heard} packets heard, longest gap ${call.longestGapMs} ms`,
    );
  }

  knock(address: string, port: number): Promise<Knock> {
    return this.#bot.do<Knock>('tcp', { address, port });
  }

  /** The case of home 2 as the console would show it; undefined before there is one. */
  shown(): Promise<CaseShown | undefined> {
    return shownCase(this.lab, BOT_HOME);
  }
}
