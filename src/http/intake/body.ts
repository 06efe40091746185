// Reads a request body with a cap in bytes and in time: a sender that dribbles holds no slot for long.
import type { Request } from 'express';
import { err, ok, type Result } from '../../core/kernel/result.ts';

export type BodyFault = 'too-large' | 'too-slow' | 'aborted';

export function readBody(
  request: Request,
  limits: { readonly maxBytes: number; readonly deadlineMs: number },
): Promise<Result<Buffer, BodyFault>> {
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBytes) return Promise.resolve(err('too-large'));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Result<Buffer, BodyFault>) => {
      clearTimeout(deadline);
      request.removeAllListeners('data');
      resolve(result);
    };
    const deadline = setTimeout(() => settle(err('too-slow')), limits.deadlineMs);
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.maxBytes) settle(err('too-large'));
      else chunks.push(chunk);
    });
    request.once('end', () => settle(ok(Buffer.concat(chunks))));
    request.once('error', () => settle(err('aborted')));
    request.once('close', () => settle(err('aborted')));
  });
}
