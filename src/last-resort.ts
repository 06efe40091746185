// The stops that need neither service nor store: the hold file, and the kill switch for a state that cannot be opened (or
// that a silent service holds): hold, one journal entry that names every line, the gateways' own sweep.
import { NftablesEnforcer } from './adapters/enforcer/nftables/client.ts';
import { holdFile } from './adapters/state-folder/hold.ts';
import { releaseJournal } from './adapters/state-folder/release-journal.ts';
import { systemIds } from './adapters/system/ids.ts';
import type { Config } from './config/load.ts';
import { ok } from './core/kernel/result.ts';
import { EVERY_LINE, type ReleasedAll, releaseAll } from './flow/release-all.ts';

/** undefined = on; otherwise why the file could not be written. */
export async function holdByFile(
  stateFolder: string,
  order: { readonly by: string; readonly reason: string },
): Promise<string | undefined> {
  return holdFile(stateFolder)
    .set({ ...order, at: Date.now() })
    .then(
      () => undefined,
      (cause: Error) => cause.message,
    );
}

export async function sweep(
  config: Pick<Config, 'stateFolder' | 'gateways'>,
  order: { readonly by: string; readonly reason: string },
): Promise<ReleasedAll> {
  const enforcers = config.gateways.map(
    ({ spec, helperSocket, ssh }) =>
      new NftablesEnforcer({ gateway: spec.name, ...(ssh === undefined ? { socketPath: helperSocket } : { ssh }) }),
  );
  try {
    return await releaseAll(
      {
        hold: holdFile(config.stateFolder),
        journal: releaseJournal(config.stateFolder),
        clock: { now: Date.now },
        ids: systemIds,
        removeElements: async () => {
          const answers = await Promise.all(enforcers.map((enforcer) => enforcer.releaseAll()));
          const failed = answers.find((answer) => !answer.ok);
          return failed === undefined || failed.ok ? ok(0) : failed;
        },
      },
      { targets: [{ lineId: EVERY_LINE, epoch: 0, access: 'unknown', families: [] }], all: true, ...order },
    );
  } finally {
    await Promise.all(enforcers.map((enforcer) => enforcer.close()));
  }
}
