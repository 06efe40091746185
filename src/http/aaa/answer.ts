// The answer to a login of a line in the garden, in the form of FreeRADIUS' rlm_rest: pure.
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { ok, type Result } from '../../core/kernel/result.ts';
import { serverAttributes } from '../../protocols/radius/freeradius.ts';

interface Entry {
  readonly op: ':=' | '+=' | '!*';
  readonly value: readonly string[];
  /** Without this the server would expand `%{…}` and backquotes in a value. */
  readonly do_xlat: false;
}

export type RestAnswer = Readonly<Record<string, Entry>>;

/** One object holds a key once: the removal stands under `reply:NAME`, the values under `NAME`, which is the same list. */
export function restAnswer(
  attributes: readonly NamedAttribute[],
): Result<RestAnswer, { readonly index: number; readonly text: string }> {
  const told = serverAttributes(attributes);
  if (!told.ok) return told;
  const answer: Record<string, Entry> = {};
  for (const { attribute, name, values, how } of told.value) {
    if (how === 'replace') answer[`reply:${attribute}`] = { op: '!*', value: values.slice(0, 1), do_xlat: false };
    answer[name] = { op: how === 'replace' ? ':=' : '+=', value: values, do_xlat: false };
  }
  return ok(answer);
}
