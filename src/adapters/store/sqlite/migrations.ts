// The whole list in order: the store's own migrations, then those that live beside the code that needs them.
import { BINDINGS_MIGRATIONS } from './bindings-schema.ts';
import { type Migration, STORE_MIGRATIONS } from './schema.ts';

export const MIGRATIONS: readonly Migration[] = [...STORE_MIGRATIONS, ...BINDINGS_MIGRATIONS];
