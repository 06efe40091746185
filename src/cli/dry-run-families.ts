// Family names for a dry run: the operator's list when there is a configuration, the shipped one otherwise.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadFamilies } from '../config/families.ts';
import { configPath, type GlobalOptions, readConfig } from './context.ts';

const SHIPPED = join(import.meta.dirname, '../../deploy/families.yaml');

export function dryRunFamilies(options: GlobalOptions): (name: string) => string | undefined {
  const book = existsSync(configPath(options)) ? readConfig(options).families : shipped();
  return (name) => book.slugByName.get(name.trim().toLowerCase());
}

function shipped() {
  const loaded = loadFamilies(readFileSync(SHIPPED, 'utf8'), SHIPPED);
  if (!loaded.ok) throw new Error('the shipped family list does not load');
  return loaded.value;
}
