// `bindings.import`: a log file of a binding source that somebody hands in later.
import { formatInstant, parseRfc3339 } from '../../core/kernel/civil.ts';
import type { Instant } from '../../core/kernel/time.ts';
import { OperationRefused, type Operations } from '../../flow/operations.ts';
import { flag, optionalText, text } from './input.ts';

export interface BindingTools {
  readonly sources: readonly string[];
  readonly now: () => Instant;
  readonly importFile: (
    file: {
      readonly source: string;
      readonly bytes: Uint8Array;
      readonly untilAt: Instant;
      readonly isComplete: boolean;
    },
    progress: (lines: number) => void,
  ) => Promise<{
    readonly lines: number;
    readonly stored: number;
    readonly outside: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly span?: { readonly fromAt: Instant; readonly toAt: Instant };
  }>;
}

export function bindingOperations({ sources, now, importFile }: BindingTools): Operations {
  return {
    'bindings.import': async (input, context) => {
      const source = text(input, 'source');
      if (!sources.includes(source))
        throw usage(
          'source-unknown',
          `no translator and no DHCP server «${source}»; known: ${sources.join(', ') || 'none'}`,
        );
      const until = optionalText(input, 'until');
      const untilAt = until === undefined ? now() : parseRfc3339(until);
      if (untilAt === undefined)
        throw usage('until-invalid', 'until: expected a time with its offset, such as 2026-03-04T05:06:07+09:00');
      const file = { source, bytes: context.body ?? new Uint8Array(), untilAt, isComplete: flag(input, 'complete') };
      const { span, refused, ...counts } = await importFile(file, (lines) => context.progress({ lines }));
      const complete = span && { fromAt: formatInstant(span.fromAt), toAt: formatInstant(span.toAt) };
      return { source, ...counts, refused: { ...refused }, complete: complete ?? null };
    },
  };
}

function usage(code: string, words: string): OperationRefused {
  return new OperationRefused({ kind: 'usage', code, text: words });
}
