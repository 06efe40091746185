// What stands wrong right now, from what the parts themselves say: one place, so every surface shows the same words.
import type { Engine } from './compose.ts';
import type { Service } from './flow/service.ts';

export function standingWarnings(engine: Engine, service: Pick<Service, 'tableFaults'>): void {
  const { flow, health, enforcers } = engine;
  const clock = flow.clock.status();
  health.set(clock.state === 'assumed', 'clock-assumed');
  health.set(clock.state === 'unsynchronised', 'clock-unsynchronised');
  health.set(clock.jumped, 'clock-jumped');
  health.set(flow.hold.current().on, 'hold-on');
  health.set(flow.decider.breaker().trips.length > 0, 'breaker-hold');
  for (const enforcer of enforcers) health.set(!enforcer.isConnected, 'gateway-unreachable', enforcer.gateway);
  for (const gateway of flow.reconciler.health())
    health.set(gateway.skeleton === 'changed' || gateway.skeleton === 'missing', 'gateway-changed', gateway.gateway);
  health.set(service.tableFaults() > 0, 'audit-tables', '', { faults: service.tableFaults() });
  const partial = flow.gardener.partialCount();
  health.set(partial > 0, 'lines-partial', '', { lines: partial });
}
