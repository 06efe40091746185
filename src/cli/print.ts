// Terminal output: plain lines, one table, one progress line. Colour only on a terminal that wants it (NO_COLOR).
import { styleText } from 'node:util';
import type { Json } from '../flow/ports.ts';

type Style = Parameters<typeof styleText>[0];

export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true });
}

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function sayJson(value: Json): void {
  say(JSON.stringify(value, null, 2));
}

/** «Next: …» ends every command that leaves something to do. */
export function next(text: string): void {
  say(paint('dim', `Next: ${text}`));
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((name, i) => Math.max(width(name), ...rows.map((row) => width(row[i] ?? ''))));
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell + ' '.repeat(Math.max(0, widths[i]! - width(cell))))
      .join('  ')
      .trimEnd();
  say(paint('bold', lineOf(header)));
  for (const row of rows) say(lineOf(row));
}

/** Columns a text takes: East Asian wide characters count two. */
function width(text: string): number {
  let columns = 0;
  for (const char of text)
    columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/.test(
      char,
    )
      ? 2
      : 1;
  return columns;
}

/** Shows counts while long work goes on: one line rewritten on a terminal, a line now and then elsewhere. */
export function progressLine(): { readonly show: (text: string) => void; readonly end: () => void } {
  const isTerminal = process.stderr.isTTY === true;
  let lastAt = 0;
  return {
    show: (text) => {
      const now = performance.now();
      if (now - lastAt < (isTerminal ? 100 : 5000)) return;
      lastAt = now;
      process.stderr.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    },
    end: () => {
      if (isTerminal && lastAt > 0) process.stderr.write('\r\u001b[K');
    },
  };
}
