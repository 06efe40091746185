// What stands wrong right now, from what the parts themselves say: one place, so every surface shows the same words.
import type { Engine } from './compose.ts';

export function standingWarnings(engine: Engine): void {
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
  const partial = [...flow.gardener.known()].filter((lineId) => flow.gardener.isPartial(lineId)).length;
  health.set(partial > 0, 'lines-partial', '', { lines: partial });
}
