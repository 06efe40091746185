// For operators whose own rules (shaping, policy routing) want to see a line's access: bits of the packet mark, set from the very
// sets that say the access. No map of its own: that would be a second truth to keep. Nothing of ours reads the mark.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { type Chain, interfaces, notFromHomes, source, target } from './rule-parts.ts';
import type { KeyForm } from './sets.ts';

/** Empty unless the gateway asks for it. Before routing for packets from the home, in the forward hook for those towards it. */
export function modeMarks(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const { modeMarks: marks } = spec;
  if (marks === undefined) return [];
  const set = (mark: number) => `meta mark set meta mark & ${hex(~marks.mask)} | ${hex(mark)} accept`;
  const rules = (key: (form: KeyForm) => string) =>
    (['strict', 'leaky'] as const).flatMap((access) =>
      forms.map((form) => `${key(form)} @${form.garden[access]} ${set(marks[access])}`),
    );
  return [
    {
      name: 'mode_up',
      hook: 'filter hook prerouting priority -140',
      rules: [notFromHomes(spec), ...rules(source)],
    },
    {
      name: 'mode_down',
      hook: 'filter hook forward priority -12',
      rules: [`oifname != { ${interfaces(spec)} } accept`, ...rules(target)],
    },
  ];
}

function hex(bits: number): string {
  return `0x${(bits >>> 0).toString(16).padStart(8, '0')}`;
}
