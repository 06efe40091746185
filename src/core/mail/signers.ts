// Who answers for a mail: the domains whose DKIM signature covers all that we go by. Never From:, never Received:, never a name
// that a person would read – those are written by whoever sends. What a signature does not cover counts as unwritten.
import { err, ok, type Result } from '../kernel/result.ts';

export interface Signature {
  readonly domain: string;
  readonly result: string;
  readonly comment: string;
  readonly covers: readonly string[];
  readonly isWhole: boolean;
  readonly isTesting: boolean;
}

export interface MailHead {
  readonly fields: readonly { readonly name: string }[];
  /** RFC 5322 to the letter. */
  readonly isStrict: boolean;
}

export interface Untrusted {
  readonly code: string;
  readonly text: string;
}

/** They decide how the body is read, or where it goes: one put before the signed one would be read instead of it. */
const DECISIVE = ['subject', 'mime-version', 'content-type', 'content-transfer-encoding', 'content-disposition'];
/** RFC 5322 §3.6: at most once. RFC 6376 §8.15: what is added above the signed one is seen by people, not by the signature. */
const ONCE = ['from', 'sender', 'date', 'message-id', ...DECISIVE];

/** Of these domains, at least one. RFC 6376 §6.1: a signature that fails is as good as none. */
export function signersOf(
  head: MailHead,
  signatures: readonly Signature[],
  domains: readonly string[],
): Result<readonly string[], Untrusted> {
  const ours = signatures.filter(({ domain }) => domains.includes(domain));
  if (ours.length === 0)
    return err({ code: 'sender-unknown', text: 'no DKIM signature of a domain that a route of this mailbox names' });
  if (!head.isStrict)
    return err({ code: 'head-irregular', text: 'its header is irregular: two programs would read two mails' });
  const names = head.fields.map(({ name }) => name);
  const twice = ONCE.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice !== undefined) return err({ code: 'head-repeated', text: `it has ${twice} more than once` });
  const faults = ours.map((one) => faultOf(one, names));
  const good = ours.filter((_, i) => faults[i] === undefined).map(({ domain }) => domain);
  return good.length > 0
    ? ok([...new Set(good)])
    : err({ code: 'dkim-failed', text: `${ours[0]!.domain}: ${faults[0]}` });
}

function faultOf(signature: Signature, names: readonly string[]): string | undefined {
  const { result, comment, covers, isWhole, isTesting } = signature;
  if (result !== 'pass') return comment === '' ? result : `${result}, ${comment}`;
  // RFC 6376 §8.2: whatever follows the first l= octets is anybody's.
  if (!isWhole) return 'it covers a part of the body only (l=)';
  // RFC 6376 §3.6.1: t=y is to be treated as unsigned.
  if (isTesting) return 'the domain is only testing (t=y)';
  const open = ['from', ...DECISIVE.filter((name) => names.includes(name))].find((name) => !covers.includes(name));
  return open === undefined ? undefined : `it does not cover ${open}`;
}
