// The information elements of a NAT event (RFC 8158 §4.3, IANA's registry) by their numbers, and natEvent's values (§5.1). Others are
// skipped by their length.
export const IE = {
  protocolIdentifier: 4,
  sourceTransportPort: 7,
  sourceIPv4Address: 8,
  sourceIPv6Address: 27,
  postNATSourceIPv4Address: 225,
  postNAPTSourceTransportPort: 227,
  natEvent: 230,
  ingressVRFID: 234,
  observationTimeSeconds: 322,
  observationTimeMilliseconds: 323,
  portRangeStart: 361,
  portRangeEnd: 362,
  portRangeStepSize: 363,
  portRangeNumPorts: 364,
  natInstanceID: 463,
  internalAddressRealm: 464,
} as const;

/** What each natEvent means here; the other values are thresholds, quotas and exhausted pools. */
export const NAT_EVENTS: Readonly<
  Record<number, { readonly kind: 'allocated' | 'released'; readonly of: 'port' | 'address' | 'block' }>
> = {
  // Historic, and what NEL exporters of NetFlow v9 still send.
  1: { kind: 'allocated', of: 'port' },
  2: { kind: 'released', of: 'port' },
  // NAT44 sessions, NAT64 sessions, and the bindings (BIB) of both.
  4: { kind: 'allocated', of: 'port' },
  5: { kind: 'released', of: 'port' },
  6: { kind: 'allocated', of: 'port' },
  7: { kind: 'released', of: 'port' },
  8: { kind: 'allocated', of: 'port' },
  9: { kind: 'released', of: 'port' },
  10: { kind: 'allocated', of: 'port' },
  11: { kind: 'released', of: 'port' },
  14: { kind: 'allocated', of: 'address' },
  15: { kind: 'released', of: 'address' },
  16: { kind: 'allocated', of: 'block' },
  17: { kind: 'released', of: 'block' },
};

export const WANTED: ReadonlySet<number> = new Set(Object.values(IE));
