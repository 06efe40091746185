// Event ids are a source's own: the same id with other content is a contradiction, never a second report.
import type { Report } from './report.ts';

/** Where a parser keeps the digest of what the source said under this id; rows without ids of their own have none. */
export const CONTENT_KEY = 'engawa.content';

export function isSameContent(a: Report, b: Report): boolean {
  return a.extra[CONTENT_KEY] === b.extra[CONTENT_KEY];
}
