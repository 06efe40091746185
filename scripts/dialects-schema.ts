// Writes deploy/dialects.schema.json from the schema the loader uses. A test fails while the two differ.
import { writeFileSync } from 'node:fs';
import { dialectJsonSchema } from '../src/config/dialects.ts';

writeFileSync(
  new URL('../deploy/dialects.schema.json', import.meta.url),
  `${JSON.stringify(dialectJsonSchema(), null, 2)}\n`,
);
