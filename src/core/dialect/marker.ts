// The Class (RFC 2865 §5.25) that AAA gives a session it lets in quarantined. The NAS repeats it in every accounting record, so
// the session tells how it began, whatever we remember.
import type { SessionFacts } from '../line/accounting.ts';

export const MARKERS = { strict: 'engawa-strict', leaky: 'engawa-leaky' } as const;

const WRITTEN: ReadonlyMap<string, 'strict' | 'leaky'> = new Map(
  (['strict', 'leaky'] as const).flatMap((access) => [
    [MARKERS[access], access] as const,
    [`0x${hexOf(MARKERS[access])}`, access] as const,
  ]),
);

export function markerOf(facts: SessionFacts): 'strict' | 'leaky' | undefined {
  const found = (facts['Class'] ?? []).map((value) => WRITTEN.get(value));
  return found.find((access) => access === 'strict') ?? found.find((access) => access !== undefined);
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (octet) => octet.toString(16).padStart(2, '0')).join('');
}
