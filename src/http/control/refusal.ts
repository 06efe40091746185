// The refusal of an order that was understood: code and words, the same on every surface.
import { OperationRefused } from '../../flow/operations.ts';

export function notDone(code: string, words: string): OperationRefused {
  return new OperationRefused({ kind: 'not-done', code, text: words });
}
