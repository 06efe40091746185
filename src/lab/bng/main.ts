// A simulated BNG as a process of its own, told what to do as the lab's agents are. Killed and started again it is a box after a power
// cut: no session, and Accounting-On.
import { type Ability, obey } from '../obey.ts';
import { SimulatedBng } from './bng.ts';
import { NftDataPlane } from './data-plane.ts';
import type { BngOptions } from './options.ts';
import type { PersonalityChoice } from './personality.ts';
import type { WalledGarden } from './ruleset.ts';

interface StartOrder {
  readonly options: Omit<BngOptions, 'dataPlane'>;
  readonly garden?: WalledGarden;
}

interface HomeOrder {
  readonly user: string;
  readonly ip4?: string;
  readonly prefix6?: string;
}

let bng: SimulatedBng | undefined;

function running(): SimulatedBng {
  if (bng === undefined) throw new Error('the simulated BNG was not started');
  return bng;
}

function addressesOf({ user: _, ...addresses }: HomeOrder) {
  return addresses;
}

const ORDERS: Readonly<Record<string, Ability>> = {
  start: async ({ options, garden }: StartOrder) => {
    bng = new SimulatedBng({ ...options, ...(garden === undefined ? {} : { dataPlane: new NftDataPlane(garden) }) });
    await bng.start();
    return bng.port;
  },
  dial: (order: HomeOrder) => running().dial(order.user, addressesOf(order)),
  redial: (order: HomeOrder) => running().redial(order.user, addressesOf(order)),
  'hang-up': ({ user }: HomeOrder) => running().hangUp(user),
  reboot: () => running().reboot(),
  become: ({ personality }: { readonly personality: PersonalityChoice }) => running().become(personality),
  'advance-clock': ({ ms }: { readonly ms: number }) => running().advanceClock(ms),
  interim: ({ user }: { readonly user?: string }) => running().interim(user),
  accounted: ({ timeoutMs }: { readonly timeoutMs?: number }) => running().accounted(timeoutMs),
  counts: () => ({ ...running().counts(), ...running().accounting() }),
  sessions: () =>
    running()
      .sessions()
      .map(({ classes, ...session }) => ({
        ...session,
        classes: classes.map((one) => Buffer.from(one).toString('utf8')),
      })),
};

obey(ORDERS);
