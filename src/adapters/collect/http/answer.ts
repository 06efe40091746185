// Reads the body of an answer under a cap and under a clock that only progress resets.
import type { IncomingMessage } from 'node:http';
import { err, ok, type Result } from '../../../core/kernel/result.ts';

export interface HttpLimits {
  /** From the call to the headers of the last hop: name, connection, TLS and waiting. */
  readonly headersMs: number;
  /** At least `progressBytes` must come in every such span of the body: one byte every ten seconds is no answer. */
  readonly progressMs: number;
  readonly progressBytes: number;
  readonly totalMs: number;
  readonly maxBytes: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 30_000,
  progressMs: 30_000,
  progressBytes: 4096,
  totalMs: 600_000,
  maxBytes: 512 * 1024 * 1024,
};

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface HttpFault {
  readonly kind: 'refused' | 'unreachable' | 'timeout' | 'too-large' | 'redirect' | 'encoding' | 'stopped';
  /** For people; holds no credential. */
  readonly text: string;
}

/** `unreachable` here means: it broke off. Whatever the case, nothing more is read when this resolves. */
export function readAnswer(response: IncomingMessage, limits: HttpLimits): Promise<Result<HttpAnswer, HttpFault>> {
  const coding = response.headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity')
    return Promise.resolve(
      err({ kind: 'encoding', text: `the answer is coded (${coding.slice(0, 40)}); identity was asked for` }),
    );
  const tooLarge = err<HttpFault>({ kind: 'too-large', text: `the answer is larger than ${limits.maxBytes} bytes` });
  if (Number(response.headers['content-length'] ?? 0) > limits.maxBytes) return Promise.resolve(tooLarge);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let [size, sizeThen] = [0, 0];
    const settle = (result: Result<HttpAnswer, HttpFault>) => {
      clearInterval(watch);
      response.removeAllListeners('data');
      resolve(result);
    };
    const watch = setInterval(() => {
      if (size - sizeThen < limits.progressBytes)
        settle(
          err({
            kind: 'timeout',
            text: `only ${size - sizeThen} bytes within ${Math.round(limits.progressMs / 1000)} s`,
          }),
        );
      sizeThen = size;
    }, limits.progressMs);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.maxBytes) settle(tooLarge);
      else chunks.push(chunk);
    });
    response.once('end', () =>
      settle(ok({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })),
    );
    const brokeOff = () => settle(err({ kind: 'unreachable', text: 'the answer broke off' }));
    response.on('error', brokeOff);
    response.once('close', brokeOff);
  });
}
