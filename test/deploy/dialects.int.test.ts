// Every packet of every dialect, signed as it would leave, read by two programs that are not ours: tshark, with the dictionaries
// of Debian's freeradius-common, must show the vendor's names and our values, and FreeRADIUS must believe the authenticators.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dialect, NamedAttribute, Order } from '../../src/core/dialect/dialect.ts';
import { loginAttributes, type PlannedRequest, planChange, planQuery } from '../../src/core/dialect/plan.ts';
import { SAMPLE_SESSION, sampleValues } from '../../src/core/dialect/sample.ts';
import { replyFault } from '../../src/protocols/radius/authenticator.ts';
import { CODE, decodePacket } from '../../src/protocols/radius/codec.ts';
import { buildDynamicRequest } from '../../src/protocols/radius/dynamic.ts';
import { encodeNamed } from '../../src/protocols/radius/named.ts';
import { decodeWithTshark } from '../protocols/radius/tools/decoder.ts';
import { type FreeRadius, startFreeRadius } from '../protocols/radius/tools/freeradius.ts';
import { answerTo, SECRET as PEER_SECRET } from '../protocols/radius/tools/radclient.ts';
import { shipped } from './dialects.ts';

const SECRET = Buffer.from(PEER_SECRET);
const ORDERS: readonly Order[] = ['strict', 'leaky', 'off', 'bounce'];

function requestsOf(dialect: Dialect): readonly PlannedRequest[] {
  const values = sampleValues(dialect, true);
  const planned = ORDERS.flatMap((order) => {
    const one = planChange(dialect, SAMPLE_SESSION, order, values);
    if (!one.ok) throw new Error(JSON.stringify(one.error));
    return one.value;
  });
  const query = planQuery(dialect, SAMPLE_SESSION, values);
  // What an Access-Accept carries, in a packet that tshark reads as well.
  const logins = (['strict', 'leaky'] as const).map(
    (access): PlannedRequest => ({ code: 'CoA-Request', attributes: loginAttributes(dialect, access, values) }),
  );
  return [...planned, ...(query === undefined ? [] : [query]), ...logins];
}

function packetOf(request: PlannedRequest, identifier: number): Uint8Array {
  const encoded = encodeNamed(request.attributes);
  if (!encoded.ok) throw new Error(`${request.attributes[encoded.error.index]?.name}: ${encoded.error.text}`);
  return buildDynamicRequest({
    code: request.code === 'CoA-Request' ? CODE.coaRequest : CODE.disconnectRequest,
    identifier,
    attributes: encoded.value,
    secret: SECRET,
    eventTimestampSeconds: 1_700_000_000,
  });
}

/** As tshark shows it: octets in hexadecimal, long values cut. */
function shownBy(attributes: readonly NamedAttribute[]): string[] {
  return attributes
    .filter(({ name }) => name !== LONG)
    .map(({ name, tag, value }) => {
      const text = name === 'Class' ? Buffer.from(value).toString('hex') : value;
      return `${name}${tag === undefined ? '' : `:${tag}`} = ${text}`;
    });
}
/** Rules run on from one attribute into the next. */
const LONG = 'NAS-Filter-Rule';
const ADDED = /^(?:Message-Authenticator|Event-Timestamp) = /;

const CASES = shipped().map((one) => [one.name, one] as const);

test.each(CASES)('%s: tshark shows the names of the vendor and our values, in order', async (_name, dialect) => {
  const requests = requestsOf(dialect);
  const shown = await decodeWithTshark(requests.map(packetOf));
  for (const [i, { attributes }] of requests.entries()) {
    expect(shown[i]![0]).toMatch(/^Message-Authenticator = /);
    expect(shown[i]!.at(-1)).toBe('Event-Timestamp = Nov 14, 2023 22:13:20.000000000 UTC');
    const others = shown[i]!.filter((one) => !ADDED.test(one) && !one.startsWith(LONG));
    expect(others).toEqual(shownBy(attributes));
    const rules = shown[i]!.filter((one) => one.startsWith(LONG));
    const [first] = attributes.filter(({ name }) => name === LONG);
    if (first === undefined) expect(rules).toEqual([]);
    else expect(rules[0]).toContain(`${LONG} = ${first.value}`);
  }
});

describe('FreeRADIUS', () => {
  let peer: FreeRadius;
  beforeAll(async () => {
    peer = await startFreeRadius({ type: 'coa', sections: '  recv-coa {\n    ok\n  }' });
  });
  afterAll(() => peer.stop());

  test.each(CASES)(
    '%s: it believes every packet, and reads it by the names of its dictionaries',
    async (name, dialect) => {
      for (const [i, request] of requestsOf(dialect).entries()) {
        const packet = packetOf(request, i);
        const answer = await answerTo(peer.port, packet);
        const reply = answer === undefined ? undefined : decodePacket(answer);
        expect(reply?.ok && reply.value.code, peer.said().slice(-600)).toBe(packet[0]! + 1);
        if (reply?.ok) expect(replyFault(reply.value, packet.subarray(4, 20), SECRET)).toBeUndefined();
      }
      expect(peer.said()).toContain(READ_AS[name]);
    },
  );
});

/** CoovaChilli's attribute is in nobody's dictionary but its own. */
const READ_AS: Readonly<Record<string, string>> = {
  'accel-ppp': 'Mikrotik-Mark-Id = "1"',
  'cisco-iosxr': 'Cisco-AVPair = "subscriber:sa=engawa-strict"',
  'cisco-isg': 'Cisco-AVPair = "subscriber:service-name=engawa-strict"',
  'coova-chilli': 'Attr-26.14559.15 = 0x00000002',
  'huawei-me60': 'Filter-Id = "engawa-strict"',
  'juniper-mx': 'ERX-Service-Activate:2 = "engawa-strict6"',
  mikrotik: 'Mikrotik-Address-List = "engawa-strict"',
  'nokia-sros': 'Alc-Subscriber-Filter = "Ingr-v4:-2,Ingr-v6:-2,Egr-v4:-2,Egr-v6:-2"',
  redback: 'Forward-Policy = "in:ENGAWA-STRICT"',
  'rfc-filter-rule': 'NAS-Filter-Rule = "permit in ip from any to 192.0.2.112/32',
  rfc: 'Filter-Id = "engawa-strict"',
};
