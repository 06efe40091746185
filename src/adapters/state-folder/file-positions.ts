// Up to where each followed file was read and made durable, one small file per source: a crash in between reads a little twice.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './durable-file.ts';

export interface KeptPosition {
  readonly name: string;
  readonly inode: number;
  readonly offset: number;
  readonly head: { readonly octets: number; readonly hash: string };
}

export function filePositions(stateFolder: string): {
  /** Undefined: never read, or what is kept says nothing: then from the beginning. */
  load(source: string): KeptPosition | undefined;
  /** Durable when it resolves. */
  save(source: string, position: KeptPosition): Promise<void>;
} {
  const folder = join(stateFolder, 'positions');
  const pathOf = (source: string) => join(folder, `${source}.json`);
  return {
    load: (source) => {
      try {
        const kept = JSON.parse(readFileSync(pathOf(source), 'utf8')) as KeptPosition;
        const numbers = [kept.inode, kept.offset, kept.head.octets];
        const isWhole =
          numbers.every((one) => Number.isSafeInteger(one) && one >= 0) && typeof kept.head.hash === 'string';
        return isWhole && typeof kept.name === 'string' ? kept : undefined;
      } catch {
        return undefined;
      }
    },
    save: async (source, position) => {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
      await replaceFile(pathOf(source), `${JSON.stringify(position)}\n`);
    },
  };
}
