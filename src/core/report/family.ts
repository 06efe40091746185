// Threat families: a closed list of slugs, held as data (deploy/families.yaml), checked when loaded.
import type { ProtocolPort } from '../net/transport.ts';

export interface Family {
  readonly slug: string;
  /** Lower-case names that feeds use for it. */
  readonly aliases: readonly string[];
  /** Ports the bot abuses outgoing; never 53, 80, 123 or 443. `unknown` = union of all plus 22, 23, 25, 2323. */
  readonly abusedPorts: readonly ProtocolPort[];
  /** Memory-only malware goes when the device is restarted. */
  readonly survivesRestart: boolean;
  /** Name of the step guide the portal shows. */
  readonly guide: string;
}
