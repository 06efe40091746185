// A NAS that may ask us, and whether a request of its may be answered at all: pure. The rules against forged answers
// (CVE-2024-3596) are here: a Message-Authenticator, or at least nothing of what an attacker on the way has to put in.
import type { Prefix } from '../../../core/net/prefix.ts';
import {
  asText,
  MESSAGE_AUTHENTICATOR,
  PROXY_STATE,
  readAttribute,
  readVendor,
  VENDOR_SPECIFIC,
} from '../../../protocols/radius/attributes.ts';
import { type AuthenticityError, requestFault } from '../../../protocols/radius/authenticator.ts';
import { CODE, type Packet } from '../../../protocols/radius/codec.ts';

export interface AaaClient {
  readonly name: string;
  /** Source addresses; of two clients that name one address, the longer prefix speaks. */
  readonly from: readonly Prefix[];
  /** The current secret first; a previous one during rotation, for requests that have a Message-Authenticator. */
  readonly secrets: readonly Uint8Array[];
  readonly accessKey: 'User-Name' | 'Agent-Circuit-Id' | 'Calling-Station-Id';
  /** Handed to attributesFor. */
  readonly gateway?: string;
  /** Default true. false: an old NAS that sends none. */
  readonly requireMessageAuthenticator?: boolean;
  /** Default true: of an old NAS, no request with a Proxy-State; a NAS has no proxy behind it. */
  readonly limitProxyState?: boolean;
  /** Default 200, and as many as in five seconds at once. */
  readonly requestsPerSecond?: number;
}

export type RequestRefusal = AuthenticityError | 'proxy-state' | 'not-access';

const CALLING_STATION_ID = 31;
const EAP_MESSAGE = 79;

/** The secret by which the request is genuine, or why it is not answered. */
export function secretOf(packet: Packet, client: AaaClient): Uint8Array | RequestRefusal {
  if (packet.code !== CODE.accessRequest && packet.code !== CODE.statusServer) return 'not-access';
  const has = (type: number) => packet.attributes.some((one) => one.type === type);
  // RFC 3579 §3.2: with EAP always.
  const requireMessageAuthenticator = client.requireMessageAuthenticator !== false || has(EAP_MESSAGE);
  const faults = client.secrets.map((secret) => requestFault(packet, secret, { requireMessageAuthenticator }));
  const fits = faults.indexOf(undefined);
  if (fits < 0) return faults[0] ?? 'message-authenticator';
  if (client.limitProxyState !== false && has(PROXY_STATE) && !has(MESSAGE_AUTHENTICATOR)) return 'proxy-state';
  return client.secrets[fits]!;
}

/** As accounting writes it; undefined = the request does not say. */
export function accessKeyOf(packet: Packet, kind: AaaClient['accessKey'], userName: Uint8Array): string | undefined {
  switch (kind) {
    case 'User-Name':
      return asText(userName);
    case 'Calling-Station-Id': {
      const found = packet.attributes.find((one) => one.type === CALLING_STATION_ID);
      const read = found && readAttribute(found);
      return typeof read === 'object' ? String(read.value) : undefined;
    }
    case 'Agent-Circuit-Id': {
      const vendor = packet.attributes.filter((one) => one.type === VENDOR_SPECIFIC);
      const read = vendor.flatMap((one) => readVendor(one.value) ?? []).find((one) => one.field === 'agentCircuitId');
      return read && String(read.value);
    }
  }
}
