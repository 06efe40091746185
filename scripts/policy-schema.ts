// Writes deploy/policy.schema.json from the schema the loader uses. A test fails while the two differ.
import { writeFileSync } from 'node:fs';
import { policyJsonSchema } from '../src/config/policy.ts';

writeFileSync(
  new URL('../deploy/policy.schema.json', import.meta.url),
  `${JSON.stringify(policyJsonSchema(), null, 2)}\n`,
);
