// The story of the second BNG with somebody killed at every point of it: the service, AAA, or the BNG. Whoever it is, the end is the
// same: in the garden when it must be, free when it must be, by packets on both families.
import { afterEach, expect, test } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabHome } from '../../src/lab/network-plan.ts';
import { verifyExport } from '../../src/protocols/tlog/verify.ts';
import { browses, knock, sightingAt, until, untilShown } from './scenes.ts';

const BOT = 2;
const NEIGHBOUR = 3;
const AFTER_REDIAL = '192.0.2.180';
/** Retransmissions, a restart of the service, a login that AAA answers late. */
const CONVERGED_MS = 60_000;

interface Victim {
  readonly ownAaa?: boolean;
  kill(lab: Lab): Promise<void>;
  start(lab: Lab): Promise<void>;
}

const VICTIMS: Readonly<Record<string, Victim>> = {
  'the service': { kill: ({ launcher }) => launcher.kill('main'), start: ({ launcher }) => launcher.startMain() },
  'the service, AAA as well,': {
    ownAaa: true,
    kill: ({ launcher }) => launcher.kill('main'),
    start: ({ launcher }) => launcher.startMain(),
  },
  FreeRADIUS: { kill: ({ freeRadius }) => freeRadius!.kill(), start: ({ freeRadius }) => freeRadius!.start() },
  'the BNG': { kill: ({ second }) => second!.kill(), start: ({ second }) => second!.start() },
};

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.destroy();
  lab = undefined;
}, 60_000);

test.each(Object.keys(VICTIMS))(
  'with %s killed at every point of the story the end is the same',
  async (name) => {
    const victim = VICTIMS[name]!;
    const { ownAaa = false } = victim;
    lab = await Lab.build({ homes: 1, radiusHomes: 2, ownAaa });
    expect(lab.freeRadius === undefined, 'FreeRADIUS with rlm_rest is installed').toBe(ownAaa);
    await lab.startEngawa();
    await lab.startSecond();
    await lab.importLines();
    const story = new Killed(lab, victim);

    await story.deadWhile(() => story.dialIn(NEIGHBOUR));
    await story.deadWhile(() => story.dialIn(BOT));
    await lab.advanceClock(15 * MINUTE);
    await story.isFree(BOT);

    // As old as most reports are: with one of this second, a crash of the BNG leaves open who held the address at that moment.
    const report = await lab.report({ ...sightingAt(lab, BOT), at: lab.now() - 2 * MINUTE });
    expect(report.status, report.body).toBe(200);
    await story.killed();
    await story.isInGarden();

    await story.killed();
    await story.isInGarden();

    await lab.advanceClock(5 * MINUTE);
    await story.deadWhile(() => story.redial(AFTER_REDIAL));
    await story.isInGarden(AFTER_REDIAL);

    await story.killedDuring(() => lab!.order('case.release', { find: `LAB-${BOT}`, reason: 'test' }));
    await story.isReleased();
    await story.isFree(BOT);

    await story.killed();
    await story.deadWhile(() => story.redial(lab!.network.homes[BOT - 1]!.ip4));
    await story.isFree(BOT);
    await story.isFree(NEIGHBOUR);
    await lab.order('audit.export', { directory: `${lab.site.stateFolder}/export` });
    expect((await verifyExport(`${lab.site.stateFolder}/export`)).ok).toBe(true);
    expect(await lab.order('status')).toMatchObject({ hold: { on: false }, openCases: {} });
  },
  300_000,
);

class Killed {
  readonly #lab: Lab;
  readonly #victim: Victim;

  constructor(theLab: Lab, victim: Victim) {
    this.#lab = theLab;
    this.#victim = victim;
  }

  async killed(): Promise<void> {
    await this.#victim.kill(this.#lab);
    await this.#victim.start(this.#lab);
  }

  /** It is gone before the act begins, and comes back while it goes on. */
  async deadWhile(act: () => Promise<unknown>): Promise<void> {
    await this.#victim.kill(this.#lab);
    await Promise.all([act(), this.#victim.start(this.#lab)]);
  }

  /** It dies while the act is under way; whoever ordered it sees no answer. */
  async killedDuring(act: () => Promise<unknown>): Promise<void> {
    const acting = act().catch(() => undefined);
    await this.killed();
    await acting;
  }

  home(number: number): LabHome {
    return this.#lab.network.homes[number - 1]!;
  }

  async dialIn(number: number): Promise<void> {
    const second = this.#lab.second!;
    const dial = () => second.dial(this.home(number)).catch(() => ({ kind: 'gone' as const }));
    await until(dial, ({ kind }) => kind === 'up', CONVERGED_MS);
  }

  async redial(to: string): Promise<void> {
    const second = this.#lab.second!;
    const dial = () => second.redial(this.home(BOT), to).catch(() => ({ kind: 'gone' as const }));
    await until(dial, ({ kind }) => kind === 'up', CONVERGED_MS);
  }

  /** By packets first: what the service believes comes after. */
  async isInGarden(ip4 = this.home(BOT).ip4): Promise<void> {
    const { otherSite, packSite, emergency } = this.#lab.network.addresses;
    const [bot, neighbour] = [this.#lab.homes[BOT - 1]!, this.#lab.homes[NEIGHBOUR - 1]!];
    for (const family of ['ip4', 'ip6'] as const) {
      await until(
        () => knock(bot, otherSite[family], 9000),
        (outcome) => outcome === 'refused',
        CONVERGED_MS,
      );
      expect(await knock(bot, packSite[family], 443)).toBe('open');
      expect(await bot.do('udp', { address: emergency[family], port: 5060 })).toBe('hello');
      expect(await knock(neighbour, otherSite[family], 9000)).toBe('open');
    }
    const isIt = (prefix: string) => prefix === ip4 || prefix === `${ip4}/32`;
    await untilShown(
      this.#lab,
      BOT,
      ({ proof }) => proof.confirmed === 'strict' && proof.elements.some((one) => isIt(one.prefix)) && !proof.partial,
      CONVERGED_MS,
    );
  }

  /** A release that nobody answered is ordered once more, as somebody at a desk would. */
  async isReleased(): Promise<void> {
    const isClosed = async () => {
      const shown = await untilShown(this.#lab, BOT, () => true, CONVERGED_MS);
      if (shown.case.state !== 'closed')
        await this.#lab.order('case.release', { find: `LAB-${BOT}`, reason: 'again' }).catch(() => undefined);
      return shown.case.state === 'closed';
    };
    await until(isClosed, (is) => is, CONVERGED_MS);
    await untilShown(this.#lab, BOT, ({ proof }) => proof.confirmed === 'open', CONVERGED_MS);
  }

  async isFree(number: number): Promise<void> {
    const { honeypot } = this.#lab.network.addresses;
    const home = this.#lab.homes[number - 1]!;
    for (const family of [4, 6] as const) {
      await until(
        () => browses(home, family),
        (does) => does,
        CONVERGED_MS,
      );
      expect(await knock(home, honeypot[`ip${family}`], 23)).toBe('open');
    }
  }
}
