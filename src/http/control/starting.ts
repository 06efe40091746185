// Until the service is prepared – journal imported, breaker loaded, gateways compared – an order could decide or put from
// an empty memory. So only orders that look, stop or free are taken; the others are asked to come again.
import { isUrgent, type Operation, type Operations } from '../../flow/operations.ts';
import { notDone } from './refusal.ts';

export interface Preparation {
  readonly isPrepared: () => boolean;
  readonly importJournal: () => Promise<unknown>;
}

export function whenPrepared(operations: Operations, preparation: Preparation): Operations {
  const gated = Object.entries(operations).map(([name, operation]): readonly [string, Operation] => [
    name,
    async (input, context) => {
      if (!preparation.isPrepared()) await early(name, preparation);
      return operation(input, context);
    },
  ]);
  return Object.fromEntries(gated);
}

async function early(name: string, { importJournal }: Preparation): Promise<void> {
  if (!isUrgent(name))
    throw notDone(
      'starting',
      'the service is starting: it takes status, hold and release orders only. Try again soon.',
    );
  // What one case still wants may be put when another is released: nothing before the journal.
  if (name === 'case.release') await importJournal();
}
