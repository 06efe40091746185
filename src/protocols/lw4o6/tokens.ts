// Words of a Snabb configuration text: braces, semicolons, commas, equals signs and everything between blanks. Comments are dropped.

export interface Token {
  readonly text: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

/** Blanks and comments (an unclosed one takes the rest); then a mark, a quoted text, a bare word, or whatever stands there. */
const SHAPE =
  /(\s+|\/\/[^\n]*|#[^\n]*|--[^\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*))|([{};,=])|"([^"\\\n]{0,4096})"|([^\s{};,="]+)|[\s\S]/y;

/** One at a time: a table has millions of words. What is no word of ours is a token, too: nothing expects it. */
export function* tokensOf(text: string): Generator<Token, void, undefined> {
  let [line, lineStart] = [1, 0];
  for (let at = 0; at < text.length; ) {
    SHAPE.lastIndex = at;
    const match = SHAPE.exec(text)!;
    const [whole, blank, mark, quoted, word] = match;
    if (blank === undefined) yield { text: mark ?? quoted ?? word ?? whole, line, column: at - lineStart + 1 };
    else
      for (let next = blank.indexOf('\n'); next >= 0; next = blank.indexOf('\n', next + 1))
        [line, lineStart] = [line + 1, at + next + 1];
    at += whole.length;
  }
}
