// DKIM signatures of a mail (RFC 6376, with RFC 8301 and 8463), over the bytes as they came. Keys are handed in: this process
// asks no resolver. First call without keys: which keys the valid-looking ones need; second call with them: who signed what.
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import type { FactsOf, Job } from '../protocols/unpack/messages.ts';
import { plain, UnpackFault } from './fault.ts';

const MAX_SIGNATURES = 20;
/** RFC 8301 §3.2. */
const LEAST_BITS = 1024;

export async function readDkim(bytes: Buffer, job: Extract<Job, { kind: 'dkim' }>): Promise<FactsOf<'dkim'>> {
  const asked = new Set<string>();
  const resolver = async (name: string): Promise<string[][]> => {
    const key = name.toLowerCase();
    asked.add(key);
    const records = Object.hasOwn(job.keys, key) ? job.keys[key]! : [];
    if (records.length === 0) throw Object.assign(new Error('no key'), { code: 'ENOTFOUND' });
    return records.map((record) => [record]);
  };
  const options = { strict: true, minBitLength: LEAST_BITS, curTime: new Date(job.now), resolver };
  const { results } = await dkimVerify(bytes, options);
  if (results.length > MAX_SIGNATURES)
    throw new UnpackFault('too-many-signatures', `more than ${MAX_SIGNATURES} DKIM signatures`);
  return {
    kind: 'dkim',
    signatures: results.flatMap((one) => {
      const { signingDomain, selector, status } = one;
      if (typeof signingDomain !== 'string' || typeof selector !== 'string') return [];
      const domain = signingDomain.toLowerCase().slice(0, 255);
      const keyName = `${selector}._domainkey.${signingDomain}`.toLowerCase().slice(0, 600);
      return {
        domain,
        keyName,
        result: status.result.slice(0, 20),
        comment: plain(status.comment ?? ''),
        covers: coversOf(one.signingHeaders?.headers ?? []),
        isWhole: one.canonBodyLengthLimited === false,
        isTesting: status.testing === true,
        asked: asked.has(keyName),
      };
    }),
  };
}

/** What was really hashed, not what `h=` names: a name in there may stand for a field that is absent. */
function coversOf(lines: readonly string[]): string[] {
  return lines.slice(0, 1000).map((line) =>
    line
      .slice(0, Math.max(0, line.indexOf(':')))
      .trim()
      .toLowerCase()
      .slice(0, 200),
  );
}
