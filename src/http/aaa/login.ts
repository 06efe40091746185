// A login as FreeRADIUS tells it (deploy/freeradius/mods-available/engawa): strictly read, and which line it means.
import { z } from 'zod';
import { asText } from '../../protocols/radius/attributes.ts';
import { parseOctets } from '../../protocols/radius/value.ts';

/** An attribute has 253 octets, and jsonquote makes one character of each; as hexadecimal digits they are two. */
const value = z.string().max(253);
const octets = z.string().max(2 + 2 * 253);

const schema = z.strictObject({
  user: value,
  nas: value,
  nasIp: value,
  mac: value,
  port: value,
  circuit: octets,
});
export type Login = z.infer<typeof schema>;

export type AccessKeyKind = 'User-Name' | 'Agent-Circuit-Id' | 'Calling-Station-Id';

/** undefined = no login. */
export function readLogin(bytes: Uint8Array): Login | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The spellings under which the key may stand in memory, the likelier first; none when the login has no such value. */
export function accessKeysOf(login: Login, kind: AccessKeyKind): readonly string[] {
  switch (kind) {
    case 'User-Name':
      return spellings(login.user);
    case 'Calling-Station-Id':
      return spellings(login.mac);
    case 'Agent-Circuit-Id': {
      // Octets to FreeRADIUS, and shown as such.
      const octets = parseOctets(login.circuit);
      return octets === undefined ? spellings(login.circuit) : [asText(octets)];
    }
  }
}

/** As accounting writes it. FreeRADIUS' jsonquote sends octets beyond ASCII one by one, \u00C3\u00BC for ü; others the letter. */
function spellings(value: string): readonly string[] {
  if (value === '') return [];
  if (/[^\x00-\xff]/.test(value)) return [value];
  const fromOctets = asText(Buffer.from(value, 'latin1'));
  return /[^\x00-\x7f]/.test(value) ? [fromOctets, value] : [fromOctets];
}
