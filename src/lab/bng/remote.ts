// The near end of a simulated BNG that runs as a process in a namespace (main.ts): the same words as the class in this process.
import { join } from 'node:path';
import type { LabNetwork } from '../network.ts';
import { type RemoteProcess, startRemote } from '../remote.ts';
import type { BngCounts } from './counts.ts';
import type { FamilyAccess } from './filters.ts';
import type { BngOptions } from './options.ts';
import type { PersonalityChoice } from './personality.ts';
import type { WalledGarden } from './ruleset.ts';
import type { BngHome } from './sessions.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
/** A login waits for AAA as long as a home would. */
const DIAL_MS = 20_000;

export interface SessionShown {
  readonly id: string;
  readonly home: BngHome;
  /** As text. */
  readonly classes: readonly string[];
  readonly names: readonly string[];
  readonly access: FamilyAccess;
}

export interface DialShown {
  readonly kind: 'up' | 'rejected' | 'unanswered' | 'unknown-filter' | 'gone';
}

type Addresses = Pick<BngHome, 'ip4' | 'prefix6'>;

export class RemoteBng {
  readonly #process: RemoteProcess;

  private constructor(process_: RemoteProcess) {
    this.#process = process_;
  }

  /** Up and listening, as after a power cut: without a session. */
  static async start(
    network: LabNetwork,
    namespace: string,
    order: { readonly options: Omit<BngOptions, 'dataPlane'>; readonly garden?: WalledGarden },
  ): Promise<RemoteBng> {
    const bng = new RemoteBng(await startRemote(network, namespace, MAIN));
    await bng.#process.do('start', order);
    return bng;
  }

  dial(user: string, addresses: Addresses = {}): Promise<DialShown> {
    return this.#process.do('dial', { user, ...addresses }, DIAL_MS);
  }

  redial(user: string, addresses: Addresses = {}): Promise<DialShown> {
    return this.#process.do('redial', { user, ...addresses }, DIAL_MS);
  }

  async hangUp(user: string): Promise<void> {
    await this.#process.do('hang-up', { user });
  }

  async reboot(): Promise<void> {
    await this.#process.do('reboot');
  }

  async become(personality: PersonalityChoice): Promise<void> {
    await this.#process.do('become', { personality });
  }

  async advanceClock(ms: number): Promise<void> {
    await this.#process.do('advance-clock', { ms });
  }

  async interim(user?: string): Promise<void> {
    await this.#process.do('interim', user === undefined ? {} : { user });
  }

  /** True when the accounting server answered every record so far. */
  accounted(timeoutMs = 10_000): Promise<boolean> {
    return this.#process.do('accounted', { timeoutMs }, timeoutMs + 5000);
  }

  counts(): Promise<BngCounts & { readonly waiting: number; readonly answered: number; readonly sent: number }> {
    return this.#process.do('counts');
  }

  async sessionOf(user: string): Promise<SessionShown | undefined> {
    const all = await this.#process.do<readonly SessionShown[]>('sessions');
    return all.find(({ home }) => home.user === user);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  stop(): void {
    this.#process.stop();
  }
}
