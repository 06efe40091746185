// Telephone numbers as people say them against numbers as they were imported: digits with an optional +. Knows the lengths
// of calling codes (ITU-T E.164 annex, zones 1–9) and nothing of any national plan.

/** Zones whose calling codes have one or two digits; all others have three. */
const SHORT = /^(?:1|7|20|27|3[0123469]|4[013456789]|5[12345678]|6[0123456]|8[1246]|9[0123458])/;
const SEPARATORS = /\(0\)|[\s()./\-–‐]/g;

/** The calling code a number in international form begins with, without the plus. */
export function callingCodeOf(phone: string): string | undefined {
  const digits = phone.replace(SEPARATORS, '').replace(/^00/, '+');
  if (!/^\+[0-9]{3,20}$/.test(digits)) return undefined;
  return SHORT.exec(digits.slice(1))?.[0] ?? digits.slice(1, 4);
}

/** Every spelling under which a number may have been imported, the typed one first; empty when it is no number. */
export function phoneForms(typed: string, homeCode?: string): readonly string[] {
  const digits = typed.replace(SEPARATORS, '').replace(/^00/, '+');
  if (!/^\+?[0-9]{3,20}$/.test(digits)) return [];
  const code = callingCodeOf(digits);
  const forms =
    code !== undefined
      ? international(code, digits.slice(1 + code.length))
      : homeCode === undefined
        ? [digits]
        : domestic(digits, homeCode);
  return [...new Set([digits, ...forms])];
}

function international(code: string, rest: string): readonly string[] {
  return [`+${code}${rest}`, `${code}${rest}`, `00${code}${rest}`, `0${rest}`, rest];
}

/** With a trunk prefix or without it, and some plans keep the 0 behind the calling code. */
function domestic(digits: string, home: string): readonly string[] {
  if (digits.startsWith('0')) return [...international(home, digits.slice(1)), `+${home}${digits}`];
  const withoutCode = digits.startsWith(home) ? international(home, digits.slice(home.length)) : [];
  return [...international(home, digits), ...withoutCode];
}
