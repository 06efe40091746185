// The contract of the store on SQLite, and what only this technology promises.
import { join } from 'node:path';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { openStore } from '../../../src/adapters/store/sqlite/store.ts';
import { storeContract } from '../../contract/store.ts';
import { NOW } from '../../contract/store-samples.ts';

storeContract('SQLite', async (folder) =>
  openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')), now: () => NOW }),
);
