// CoA and Disconnect (RFC 5176) as a client writes and reads them. Which attributes a gateway wants is a dialect's business,
// and when to ask again the adapter's.
import { MESSAGE_AUTHENTICATOR, uint32 } from './attributes.ts';
import { signRequest } from './authenticator.ts';
import { type Attribute, CODE, encodePacket, type Packet } from './codec.ts';
import { wordsOf } from './dictionary.ts';

const EVENT_TIMESTAMP = 55;
const ERROR_CAUSE = 101;

/** What the attributes of a request may take up: 4096 octets less header, Message-Authenticator and Event-Timestamp. */
export const ROOM = 4096 - 20 - 18 - 6;

export interface DynamicRequest {
  readonly code: typeof CODE.disconnectRequest | typeof CODE.coaRequest;
  readonly identifier: number;
  /** Without Message-Authenticator and Event-Timestamp; at most ROOM octets. */
  readonly attributes: readonly Attribute[];
  readonly secret: Uint8Array;
  /** Default true: first of all attributes. */
  readonly messageAuthenticator?: boolean;
  /** RFC 5176 §6.3. A retransmission keeps it: send the same octets again, do not build them again. */
  readonly eventTimestampSeconds?: number;
}

export function buildDynamicRequest(request: DynamicRequest): Uint8Array {
  const { code, identifier, eventTimestampSeconds: seconds } = request;
  const attributes = [
    ...(request.messageAuthenticator === false ? [] : [{ type: MESSAGE_AUTHENTICATOR, value: new Uint8Array(16) }]),
    ...request.attributes,
    ...(seconds === undefined ? [] : [{ type: EVENT_TIMESTAMP, value: octetsOf(seconds) }]),
  ];
  return signRequest(encodePacket({ code, identifier, attributes }), request.secret);
}

function octetsOf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export interface DynamicReply {
  readonly kind: 'ack' | 'nak';
  readonly errorCause?: number;
  /** All of them, Error-Cause and Message-Authenticator too. */
  readonly attributes: readonly Attribute[];
}

/** undefined = no answer to a CoA or Disconnect. Genuine or not: replyFault. */
export function readDynamicReply(packet: Packet): DynamicReply | undefined {
  const kind = KINDS[packet.code];
  if (kind === undefined) return undefined;
  const cause = packet.attributes.find((one) => one.type === ERROR_CAUSE && one.value.length === 4);
  return {
    kind,
    ...(cause === undefined ? {} : { errorCause: uint32(cause.value) }),
    attributes: packet.attributes,
  };
}

const KINDS: Readonly<Record<number, DynamicReply['kind']>> = {
  [CODE.disconnectAck]: 'ack',
  [CODE.coaAck]: 'ack',
  [CODE.disconnectNak]: 'nak',
  [CODE.coaNak]: 'nak',
};

/** RFC 5176 §3.6 and later ones. */
export const ERROR_CAUSES: Readonly<Record<number, string>> = wordsOf('Error-Cause');
