// Where the next request of n6 paging begins: the highest `modified` of a page, and which ids had it – they come again, since
// `modified.min` includes its own second. Reads a whole page; whether the rows are good is the reader's business.
import type { Instant } from '../../core/kernel/time.ts';
import { isFields, textAt } from '../feed/fields.ts';
import { jsonValues } from '../feed/json-values.ts';
import { parseOffsetStamp } from '../feed/stamps.ts';

export interface N6Page {
  readonly events: number;
  /** undefined: no event with a readable `modified`; ask from the same place again. */
  readonly newest:
    | {
        readonly modifiedAt: Instant /** As written, for `modified.min`. */;
        readonly modified: string;
        readonly ids: readonly string[];
      }
    | undefined;
}

const MAX_IDS = 10_000;

export async function n6Page(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<N6Page> {
  let events = 0;
  let newest: { modifiedAt: Instant; modified: string; ids: string[] } | undefined;
  for await (const { value } of jsonValues(bytes)) {
    if (!value.ok || !isFields(value.value)) continue;
    events++;
    const modified = textAt(value.value, 'modified') ?? '';
    const modifiedAt = parseOffsetStamp(modified);
    if (modifiedAt === undefined) continue;
    if (newest === undefined || modifiedAt > newest.modifiedAt) newest = { modifiedAt, modified, ids: [] };
    const id = textAt(value.value, 'id');
    if (id !== undefined && modifiedAt === newest.modifiedAt && newest.ids.length < MAX_IDS) newest.ids.push(id);
  }
  return { events, newest };
}
