// Why an order could not even become requests, as a value and in words.
export type PlanFault =
  /** The session lacks something of every group that could name it: this of the best. */
  | { readonly kind: 'no-identification'; readonly missing: readonly string[] }
  | { readonly kind: 'value-missing'; readonly names: readonly string[] }
  /** The way back needs what the session had before the garden, and nobody knows it. */
  | { readonly kind: 'plan-unknown'; readonly attribute: string }
  /** All its addresses are of a family that this BNG cannot restrict. */
  | { readonly kind: 'family-unsupported'; readonly family: 'ipv4' | 'ipv6' };

export function planFaultText(fault: PlanFault): string {
  switch (fault.kind) {
    case 'no-identification':
      return `the session cannot be named: its accounting lacks ${fault.missing.join(', ')}`;
    case 'value-missing':
      return `values.${fault.names.join(', values.')} of the gateway: missing, too long, or with control characters`;
    case 'plan-unknown':
      return `nobody knows the ${fault.attribute} from before the garden: set values.plan, or allow a bounce`;
    case 'family-unsupported':
      return `this dialect does not restrict ${fault.family === 'ipv4' ? 'IPv4' : 'IPv6'}, and the session has nothing else`;
  }
}
