// The key of the operator's AAA servers: as a bearer token, or as the password of Basic, which is what FreeRADIUS' rlm_rest
// can send from its configuration alone. Digests and constant time are the intake's.
import { createKeyring } from '../intake/keys.ts';

/** Throws on a digest that is none; see createKeyring. */
export function createKeyCheck(keyHashes: readonly string[]): (authorization: string | undefined) => boolean {
  const keyOf = createKeyring([{ name: 'aaa', keyHashes }]);
  return (authorization) => keyOf(asBearer(authorization)) !== undefined;
}

/** RFC 7617 §2: whatever the user name, the password is the key. */
function asBearer(authorization: string | undefined): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/]{4,1024}={0,2})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return authorization;
  const credentials = Buffer.from(encoded, 'base64').toString('latin1');
  return `Bearer ${credentials.slice(credentials.indexOf(':') + 1)}`;
}
