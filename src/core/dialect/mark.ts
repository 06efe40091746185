// Does an attribute say «strict», «leaky» or «off»? One rule for accounting records and for answers to a status query.
import type { Mark } from './dialect.ts';
import { fill, type Source } from './template.ts';

export interface Marks {
  readonly strict: Mark;
  readonly leaky?: Mark;
  readonly off?: Mark;
}

type Values = (attribute: string) => readonly string[];

/**
 * The strictest that is marked: where a garden was not taken away, it is still there. `open` needs its own mark, or a record
 * that carries the attribute and none of the others: silence proves nothing.
 */
export function accessMarked(marks: Marks, values: Values, source: Source): 'strict' | 'leaky' | 'open' | 'unknown' {
  if (isMarked(marks.strict, values, source)) return 'strict';
  if (marks.leaky !== undefined && isMarked(marks.leaky, values, source)) return 'leaky';
  if (marks.off !== undefined) return isMarked(marks.off, values, source) ? 'open' : 'unknown';
  const isThere = [marks.strict, marks.leaky].every((mark) => mark === undefined || canBeJudged(mark, values, source));
  return isThere ? 'open' : 'unknown';
}

function isMarked(mark: Mark, values: Values, source: Source): boolean {
  const filled = fill(mark.equals ?? mark.contains ?? '', source);
  if (!filled.ok) return false;
  return values(mark.attribute).some((value) =>
    mark.contains === undefined ? value === filled.value : containsWord(value, filled.value),
  );
}

/** A mark without its value could not have been found: nothing follows from that. */
function canBeJudged(mark: Mark, values: Values, source: Source): boolean {
  return values(mark.attribute).length > 0 && fill(mark.equals ?? mark.contains ?? '', source).ok;
}

const OF_A_NAME = /[A-Za-z0-9_-]/;

function containsWord(value: string, word: string): boolean {
  if (word === '') return false;
  for (let at = value.indexOf(word); at >= 0; at = value.indexOf(word, at + 1)) {
    const isCut = (inside: string, outside: string) => OF_A_NAME.test(inside) && OF_A_NAME.test(outside);
    const end = at + word.length;
    if (!isCut(word[0]!, value[at - 1] ?? '') && !isCut(word.at(-1)!, value[end] ?? '')) return true;
  }
  return false;
}
