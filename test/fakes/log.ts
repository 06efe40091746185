// A Log that keeps its lines, so that a test can prove what was said – and what never was.
import type { Log } from '../../src/flow/ports.ts';

export class FakeLog implements Log {
  readonly lines: string[] = [];

  info(code: string, fields = {}): void {
    this.lines.push(`info ${code} ${JSON.stringify(fields)}`);
  }

  warn(code: string, fields = {}): void {
    this.lines.push(`warn ${code} ${JSON.stringify(fields)}`);
  }

  error(code: string, fields = {}): void {
    this.lines.push(`error ${code} ${JSON.stringify(fields)}`);
  }
}
