// The conformance suite of all drivers for the resolver companion: zone files, a real unbound, and the truth is what a home is
// answered. Of ports a resolver knows nothing: leaky is no state of it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { RpzEnforcer } from '../../../../src/adapters/enforcer/rpz/enforcer.ts';
import { formatIp } from '../../../../src/core/net/ip.ts';
import { containsIp } from '../../../../src/core/net/prefix.ts';
import { type DriverUnderTest, describeDriver } from '../../../contract/driver.ts';
import { ip, prefix } from '../../../helper/lab-gateway.ts';
import { createLabResolver, HOMES, type LabResolver } from './lab-resolver.ts';

const PORTAL = ['203.0.113.10'];
const EVERYBODY_ELSE = ['198.51.100.99'];
/** A resolver that hangs is given up soon: here it hangs on purpose. */
const CONTROL_MS = 300;

let lab: LabResolver;
beforeAll(() => {
  lab = createLabResolver();
});
afterAll(() => lab.stop());

describeDriver({ name: 'rpz, a real unbound', ipv6: true, leaky: false, proves: true }, async () => {
  await lab.killResolver();
  for (const file of ['allow.zone', 'garden.zone']) rmSync(join(lab.folder, file), { force: true });
  const lives: RpzEnforcer[] = [];
  const next = () => {
    const one = lab.enforcer({ deadlineMs: CONTROL_MS });
    lives.push(one);
    return one;
  };
  let enforcer = next();
  // It writes the files first; the resolver does not start without them.
  await enforcer.install();
  if (!(await lab.startResolver())) throw new Error('unbound did not start');
  const driver: DriverUnderTest = {
    get enforcer() {
      return enforcer;
    },
    places: [
      { v4: prefix(HOMES.strict4), v6: prefix('2001:db8:100:4200::/56') },
      { v4: prefix(HOMES.other4), v6: prefix('2001:db8:100:4300::/56') },
    ],
    truth: async (of) => {
      const home = Object.values(HOMES).find((one) => containsIp(of, ip(one)))!;
      const answer = JSON.stringify(await lab.ask(home, 'other.example'));
      if (answer === JSON.stringify(PORTAL)) return 'strict';
      if (answer === JSON.stringify(EVERYBODY_ELSE)) return 'open';
      throw new Error(`${formatIp(of.ip)} was answered ${answer}`);
    },
    loseAnswers: () => {
      lab.resolver().kill('SIGSTOP');
    },
    heal: () => {
      lab.resolver().kill('SIGCONT');
    },
    restart: async () => {
      await enforcer.close();
      enforcer = next();
      await enforcer.install();
    },
    handOver: async () => {},
    prove: async () => {},
    stop: async () => {
      driver.heal();
      for (const one of lives) await one.close();
    },
  };
  return driver;
});
