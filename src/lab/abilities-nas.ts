// The BNG's accounting as a real NAS sends it: RFC 2866 packets over UDP, answered or retransmitted.
import { createSocket } from 'node:dgram';
import { parseIp } from '../core/net/ip.ts';
import { parsePrefix } from '../core/net/prefix.ts';
import { signRequest } from '../protocols/radius/authenticator.ts';
import { type Attribute, CODE, encodePacket } from '../protocols/radius/codec.ts';

interface Order {
  readonly server: { readonly address: string; readonly port: number };
  readonly secret: string;
  readonly status: 'start' | 'interim' | 'stop' | 'on' | 'off';
  readonly nas: string;
  readonly sessionId?: string;
  readonly userName?: string;
  readonly ip4?: string;
  readonly prefix6?: string;
  readonly sessionSeconds?: number;
  /** Acct-Delay-Time: how long ago it happened (RFC 2866 §5.2). */
  readonly delaySeconds?: number;
}

/** RFC 2866 §5.1. */
const STATUS = { start: 1, stop: 2, interim: 3, on: 7, off: 8 };
const TRIES = 5;
const TRY_MS = 1000;
let lastIdentifier = 0;

function text(type: number, value: string): Attribute {
  return { type, value: Buffer.from(value, 'utf8') };
}

function integer(type: number, value: number): Attribute {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return { type, value: bytes };
}

function attributesOf(order: Order): Attribute[] {
  const ip4 = order.ip4 === undefined ? undefined : parseIp(order.ip4);
  const prefix6 = order.prefix6 === undefined ? undefined : parsePrefix(order.prefix6);
  return [
    integer(40, STATUS[order.status]),
    text(32, order.nas),
    ...(order.sessionId === undefined ? [] : [text(44, order.sessionId)]),
    ...(order.userName === undefined ? [] : [text(1, order.userName)]),
    ...(ip4 === undefined ? [] : [{ type: 8, value: ip4.bytes }]),
    // RFC 4818 §2: reserved octet, prefix length, prefix.
    ...(prefix6 === undefined
      ? []
      : [{ type: 123, value: Buffer.concat([Buffer.from([0, prefix6.length]), prefix6.ip.bytes]) }]),
    ...(order.delaySeconds === undefined ? [] : [integer(41, order.delaySeconds)]),
    ...(order.sessionSeconds === undefined ? [] : [integer(46, order.sessionSeconds)]),
  ];
}

export const NAS_ABILITIES = {
  /** True when the server answered: then the record is durable. */
  accounting: async (order: Order): Promise<boolean> => {
    lastIdentifier = (lastIdentifier + 1) & 255;
    const packet = encodePacket({
      code: CODE.accountingRequest,
      identifier: lastIdentifier,
      attributes: attributesOf(order),
    });
    const bytes = signRequest(packet, Buffer.from(order.secret, 'utf8'));
    const socket = createSocket(order.server.address.includes(':') ? 'udp6' : 'udp4');
    try {
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const answered = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(false), TRY_MS);
          socket.once('message', (answer) => {
            clearTimeout(timer);
            resolve(answer[0] === CODE.accountingResponse && answer[1] === lastIdentifier);
          });
          socket.once('error', () => resolve(false));
          socket.send(bytes, order.server.port, order.server.address);
        });
        if (answered) return true;
      }
      return false;
    } finally {
      socket.close();
    }
  },
};
