// How the story is told: chapters, and facts that were either observed or not. The lab succeeds only when all were.
import { styleText } from 'node:util';

export interface Fact {
  readonly chapter: string;
  readonly text: string;
  readonly observed: boolean;
  readonly detail: string;
}

type Style = Parameters<typeof styleText>[0];

export class Narrator {
  readonly facts: Fact[] = [];
  readonly notObserved: string[] = [];
  readonly #write: (text: string) => void;
  readonly #begunAt = performance.now();
  #chapter = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  chapter(title: string): void {
    this.#chapter = title;
    this.#write(
      `\n${this.#paint('bold', title)}  ${this.#paint('dim', `${((performance.now() - this.#begunAt) / 1000).toFixed(1)} s`)}\n`,
    );
  }

  tell(text: string): void {
    this.#write(`  ${text}\n`);
  }

  /** One observed fact. `detail` says what was really seen; it is shown always when the fact did not hold. */
  fact(text: string, observed: boolean, detail: unknown = ''): boolean {
    const shown = typeof detail === 'string' ? detail : JSON.stringify(detail);
    this.facts.push({ chapter: this.#chapter, text, observed, detail: shown });
    const mark = observed ? this.#paint('green', '✓') : this.#paint('red', '✗');
    const more = shown === '' ? '' : this.#paint('dim', `  (${shown.slice(0, 160)})`);
    this.#write(`  ${mark} ${text}${more}\n`);
    return observed;
  }

  /** What this machine does not let us see: named, and never counted as seen. */
  notSeen(text: string): void {
    this.notObserved.push(text);
    this.#write(`  ${this.#paint('yellow', '–')} not observed: ${text}\n`);
  }

  failed(): readonly Fact[] {
    return this.facts.filter((fact) => !fact.observed);
  }

  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout, validateStream: true });
  }
}
