// DKIM keys by DNS, from the operator's resolvers: what they answer is believed, so they shall validate or stand close by.
import { Resolver } from 'node:dns/promises';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { DkimKeys } from '../../../flow/ports.ts';

export interface DnsKeysOptions {
  /** `address:port`, `[address]:port`. */
  readonly servers: readonly string[];
  readonly timeoutMs?: number;
}

const MAX_RECORDS = 20;
const MAX_CHARS = 8000;
/** There is no such record, and asking again changes nothing (RFC 2308). */
const NO_RECORD = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

export function dnsKeys({ servers, timeoutMs = 3000 }: DnsKeysOptions): DkimKeys {
  return {
    async txt(name, signal): Promise<Result<readonly string[], string>> {
      // One each: cancelling concerns nobody else's question.
      const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
      resolver.setServers(servers);
      const cancel = () => resolver.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        signal.throwIfAborted();
        const records = await resolver.resolveTxt(name);
        return ok(records.slice(0, MAX_RECORDS).map((strings) => strings.join('').slice(0, MAX_CHARS)));
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? 'aborted';
        return NO_RECORD.has(code) ? ok([]) : err(`the resolvers do not say the key ${name.slice(0, 200)} (${code})`);
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
  };
}
