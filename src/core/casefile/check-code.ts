// Text forms of codes people say over the phone. Creation is an adapter's business (randomness); form is ours.

/** Crockford base32: no I, L, O, U, so nothing is misread aloud. */
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `abcd-ef12`, spaces, lower case and the look-alikes I, L → 1 and O → 0 are accepted; undefined when it is no code. */
export function parseCheckCode(text: string): string | undefined {
  if (text.length > 40) return undefined;
  const code = text.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  return code.length === 8 && [...code].every((c) => CROCKFORD.includes(c)) ? code : undefined;
}

/** The shown form, 4+4. */
export function showCheckCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
