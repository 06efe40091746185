// A NAS by hand for the tests of the server: requests octet by octet, answers as they came.

import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { signRandomRequest } from '../../../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, encodePacket } from '../../../../src/protocols/radius/codec.ts';

export const SECRET = 'a secret of this test alone';

export interface Request {
  readonly identifier?: number;
  readonly code?: number;
  readonly user?: string;
  readonly pap?: string;
  readonly chap?: string;
  readonly attributes?: readonly Attribute[];
  readonly secret?: string;
  /** Default true. */
  readonly messageAuthenticator?: boolean;
  readonly authenticator?: Uint8Array;
}

export const text = (type: number, value: string): Attribute => ({ type, value: Buffer.from(value) });

export function accessRequest(request: Request = {}): Uint8Array {
  const { identifier = 1, code = CODE.accessRequest, user = 'ann', secret = SECRET } = request;
  const authenticator = request.authenticator ?? randomBytes(16);
  const attributes = [
    ...(request.messageAuthenticator === false ? [] : [{ type: 80, value: new Uint8Array(16) }]),
    ...(code === CODE.accessRequest && user !== '' ? [text(1, user)] : []),
    ...(request.pap === undefined ? [] : [{ type: 2, value: hidden(request.pap, authenticator, secret) }]),
    ...(request.chap === undefined ? [] : [{ type: 3, value: chapResponse(request.chap, authenticator) }]),
    ...(request.attributes ?? []),
  ];
  return signRandomRequest(encodePacket({ code, identifier, attributes }), authenticator, Buffer.from(secret));
}

/** RFC 2865 §5.2, one block. */
function hidden(password: string, authenticator: Uint8Array, secret: string): Uint8Array {
  const mask = createHash('md5').update(secret).update(authenticator).digest();
  return Buffer.concat([Buffer.from(password), Buffer.alloc(16)])
    .subarray(0, 16)
    .map((octet, i) => octet ^ mask[i]!);
}

/** RFC 2865 §5.3, the authenticator as challenge. */
function chapResponse(password: string, challenge: Uint8Array): Uint8Array {
  const digest = createHash('md5').update(Uint8Array.of(7)).update(password).update(challenge).digest();
  return Buffer.concat([Uint8Array.of(7), digest]);
}

export class Nas {
  readonly answers: Buffer[] = [];
  readonly #socket: Socket;
  readonly #port: number;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (bytes) => this.answers.push(bytes));
  }

  static async to(port: number, from = '127.0.0.1'): Promise<Nas> {
    const socket = createSocket('udp4').bind(0, from);
    await once(socket, 'listening');
    return new Nas(socket, port);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, '127.0.0.1');
  }

  /** The answer to this one. */
  async ask(bytes: Uint8Array): Promise<Buffer> {
    const answer = once(this.#socket, 'message', { signal: AbortSignal.timeout(5000) });
    this.send(bytes);
    return (await answer)[0] as Buffer;
  }

  close(): Promise<void> {
    return new Promise((done) => this.#socket.close(done));
  }
}
