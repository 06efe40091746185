// The sessions of a simulated BNG in the kernel of its own namespace: real packets pass or do not. One transaction per change, and
// the BNG acknowledges after it.
import { execFile } from 'node:child_process';
import type { BngAccess, Family } from './filters.ts';
import type { DataPlane } from './options.ts';
import { renderGarden, TABLE, type WalledGarden } from './ruleset.ts';
import type { BngSession } from './sessions.ts';

const NFT_MS = 10_000;

export class NftDataPlane implements DataPlane {
  readonly #garden: WalledGarden;
  /** What the kernel holds for each session: `online4 192.0.2.129`, … */
  readonly #held = new Map<string, readonly string[]>();

  constructor(garden: WalledGarden) {
    this.#garden = garden;
  }

  async clear(): Promise<void> {
    await nft(renderGarden(this.#garden));
    this.#held.clear();
  }

  apply(session: BngSession): Promise<void> {
    return this.#move(session, elementsOf(session));
  }

  remove(session: BngSession): Promise<void> {
    return this.#move(session, []);
  }

  /** By line, not by session id: a session that goes on under another id keeps its elements. */
  async #move({ home: { user } }: BngSession, next: readonly string[]): Promise<void> {
    const before = this.#held.get(user) ?? [];
    const commands = [
      ...before.filter((one) => !next.includes(one)).map((one) => command('delete', one)),
      ...next.filter((one) => !before.includes(one)).map((one) => command('add', one)),
    ];
    if (commands.length > 0) await nft(commands.join('\n'));
    if (next.length === 0) this.#held.delete(user);
    else this.#held.set(user, next);
  }
}

function elementsOf({ home, access }: BngSession): readonly string[] {
  return [...elements(4, home.ip4, access[4]), ...elements(6, home.prefix6, access[6])];
}

function elements(family: Family, place: string | undefined, access: BngAccess): readonly string[] {
  if (place === undefined) return [];
  return [`online${family} ${place}`, ...(access === 'open' ? [] : [`${access}${family} ${place}`])];
}

function command(verb: 'add' | 'delete', element: string): string {
  const [set, place] = element.split(' ');
  return `${verb} element inet ${TABLE} ${set} { ${place} }`;
}

function nft(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile('/usr/sbin/nft', ['-f', '-'], { timeout: NFT_MS }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`nft: ${stderr || error.message}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(script);
  });
}
