// Puts the seven steps together from their ports. The wiring of adapters is compose.ts's; here only flow meets flow.

import type { Ranges } from '../core/line/attribute.ts';
import type { Binding } from '../core/line/binding.ts';
import { NO_SHARING, type SharingRules } from '../core/line/sharing/rules.ts';
import { type HouseholdOf, households } from '../core/net/household.ts';
import { containsIp } from '../core/net/prefix.ts';
import type { FamilyBook } from '../core/report/family.ts';
import { Attributor } from './attribute.ts';
import { Casebook } from './casebook.ts';
import { Decider, type Policies } from './decide.ts';
import { Enforcement } from './enforce.ts';
import { NetworkFacts } from './facts.ts';
import { Gardener } from './gardener.ts';
import { type GatewayLink, gatewayOf } from './gateway-acts.ts';
import { HoldRecord } from './hold-record.ts';
import type { RequiredSteps } from './line-standing.ts';
import { type MessageTemplate, type MessageText, Messenger, messagesFor } from './notify.ts';
import { PortalDesk } from './portal-desk.ts';
import type {
  Bindings,
  Clock,
  Evidence,
  HoldSwitch,
  Ids,
  Log,
  Notifier,
  ReleaseJournal,
  Store,
  Translations,
  Unpacker,
} from './ports.ts';
import { Reconciler } from './reconcile.ts';
import { SharedBindings } from './shared-bindings.ts';
import { SourceQuality } from './source-quality.ts';
import { Timekeeper } from './timekeeper.ts';
import { Verifier } from './verify.ts';

export interface FlowPorts {
  readonly store: Store;
  readonly evidence: Evidence;
  readonly unpacker: Unpacker;
  readonly bindings: Bindings;
  /** Rules by which lines share addresses, as configured; a person may load others while the service runs. */
  readonly sharing?: SharingRules;
  /** undefined = the text does not load (any more). */
  readonly parseSharing?: (text: string, name: string) => SharingRules | undefined;
  readonly translations?: Translations;
  readonly gateways: readonly GatewayLink[];
  readonly notifiers: readonly Notifier[];
  readonly policies: Policies;
  readonly families: FamilyBook;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hold: HoldSwitch;
  readonly journal: ReleaseJournal;
  readonly log: Log;
  readonly ranges: Ranges;
  readonly realm: string;
  /** Keys for limits; left out: by pools and prefix lengths alone. */
  readonly householdOf?: HouseholdOf;
  /** Of the operator's own telephone numbers, e.g. `81`. */
  readonly callingCode?: string;
  readonly origins: Readonly<Record<string, string>>;
  /** Told of every report about our own infrastructure (F07). */
  readonly onInfrastructure?: (source: string) => void;
  readonly interimMsOf: (binding: Binding) => number;
  /** How far the clock of the binding's NAS may be off whatever was measured; left out: as measured. */
  readonly leastSkewMsOf?: (binding: Binding) => number;
  readonly requiredSteps: RequiredSteps;
  readonly renderMessage: (template: MessageTemplate, language: string, checkCode: string) => MessageText;
  readonly defaultLanguage: string;
  readonly sha256: (text: string) => string;
}

export interface Flow extends Omit<FlowPorts, 'sharing'> {
  readonly facts: NetworkFacts;
  readonly quality: SourceQuality;
  readonly casebook: Casebook;
  readonly attributor: Attributor;
  readonly decider: Decider;
  readonly enforcement: Enforcement;
  readonly gardener: Gardener;
  readonly verifier: Verifier;
  readonly reconciler: Reconciler;
  readonly timekeeper: Timekeeper;
  readonly messenger: Messenger;
  readonly holdRecord: HoldRecord;
  readonly portalDesk: PortalDesk;
}

export function assembleFlow(given: FlowPorts): Flow {
  const facts = new NetworkFacts({
    ...given,
    configured: given.sharing ?? NO_SHARING,
    parseSharing: given.parseSharing ?? (() => undefined),
  });
  const ports = { ...given, bindings: new SharedBindings({ ...given, sharing: facts.sharing }) };
  const casebook = new Casebook({ ...ports, riders: [messagesFor(ports)] });
  const attributor = new Attributor({ ...ports, sharing: facts.sharing, corrections: facts.corrections });
  const quality = new SourceQuality(ports);
  casebook.onOrdered((ordered) => quality.onOrdered(ordered));
  const decider = new Decider({
    ...ports,
    casebook,
    attributor,
    quality,
    gatewayNameOf: gatewayNames(ports.gateways),
    gatewayOfAddress: (ip) => ports.gateways.find((one) => one.pools?.some((pool) => containsIp(pool, ip)))?.name,
  });
  const enforcement = new Enforcement({ ...ports, casebook, attributor });
  facts.onChange(() => enforcement.recheckAll());
  const gardener = new Gardener({
    ...ports,
    wantedOf: (lineId) => enforcement.wantedOf(lineId),
    mayTighten: (lineId) => enforcement.mayTighten(lineId),
  });
  enforcement.attach(gardener);
  // Other rules are other shares.
  facts.onChange(() => gardener.refreshAll());
  const verifier = new Verifier({ ...ports, casebook, gardener });
  const reconciler = new Reconciler({ ...ports, gardener, enforcement });
  const timekeeper = new Timekeeper({ ...ports, casebook, attributor, decider });
  const messenger = new Messenger({ ...ports, render: ports.renderMessage, casebook });
  const lengths = ports.gateways.flatMap((gateway) => gateway.ipv6Lengths);
  const householdOf = ports.householdOf ?? households({ pools: ports.ranges.ours, ipv6Lengths: lengths });
  const portalDesk = new PortalDesk({ ...ports, gardener, verifier, casebook, householdOf });
  return {
    ...ports,
    casebook,
    attributor,
    facts,
    quality,
    decider,
    enforcement,
    gardener,
    verifier,
    reconciler,
    timekeeper,
    messenger,
    holdRecord: new HoldRecord(ports),
    portalDesk,
  };
}

/** For the breaker's caps: a binding of a NAS nobody listed counts under the NAS's own name. */
function gatewayNames(gateways: readonly GatewayLink[]): (binding: Binding) => string {
  return (binding) => gatewayOf(gateways, binding)?.name ?? binding.nas ?? gateways[0]?.name ?? '';
}
