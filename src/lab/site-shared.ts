// The part of the operator's folder that homes which share addresses need: whose translator logs are read, and which rule gives ports.
// Both ends stand here, since the lab is both.
import { LAB_ADDRESSES } from './network-plan.ts';

/** Where the service hears translators' logs. */
export const LAB_TRANSLATORS = { address: LAB_ADDRESSES.gateway.ip4, udpPort: 5514, tcpPort: 5515 } as const;
