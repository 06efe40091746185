import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { parseRfc7422Record } from '../../../src/protocols/rfc7422/record.ts';
import { blocksOf } from '../../core/line/sharing/vectors.ts';
import { runs } from '../../runs.ts';

const blocks = blocksOf('records.txt');

function shown(line: string): string {
  const parsed = parseRfc7422Record(line);
  if (!parsed.ok) return `! ${parsed.error}`;
  const one = parsed.value;
  const ports = one.reserved.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
  return `= ${formatInstant(one.writtenAt)} ${formatPrefix(one.inside)} ${formatPrefix(one.outside)} D${one.dynamicFactor} M${one.mostPorts} A${one.algorithm} R${ports}`;
}

it.each(blocks)('$title', ({ lines }) => expect(shown(lines[0]!)).toBe(lines[1]));

it('any line is a record or a fault', () => {
  const mangled = fc
    .tuple(
      fc.constantFrom(...blocks.map((one) => one.lines[0]!)),
      fc.nat(90),
      fc.nat(12),
      fc.string({ unit: 'binary', maxLength: 6 }),
    )
    .map(([line, at, cut, put]) => line.slice(0, at) + put + line.slice(at + cut));
  fc.assert(
    fc.property(mangled, (line) => {
      const parsed = parseRfc7422Record(line);
      if (parsed.ok) expect(Number.isFinite(parsed.value.writtenAt)).toBe(true);
      else expect(parsed.error).not.toBe('');
    }),
    { numRuns: runs(3000) },
  );
});
