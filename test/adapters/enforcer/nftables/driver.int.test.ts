// The conformance suite of all drivers for the Linux gateway: helper process, socket, nft, kernel. The truth is the kernel's, asked
// by another client that remembers nothing.
import { afterAll, beforeAll } from 'vitest';
import { NftablesEnforcer } from '../../../../src/adapters/enforcer/nftables/client.ts';
import { type DriverUnderTest, describeDriver } from '../../../contract/driver.ts';
import { createLabGateway, type LabGateway, prefix } from '../../../helper/lab-gateway.ts';

let gateway: LabGateway;
beforeAll(async () => {
  gateway = createLabGateway();
  await gateway.start();
});
afterAll(() => gateway.stop());

describeDriver({ name: 'nftables through the helper', ipv6: true, leaky: true, proves: true }, async () => {
  gateway.nft('flush', 'ruleset');
  const clients = new Set<NftablesEnforcer>();
  const client = (deadlines = {}) => {
    const made = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath, deadlines });
    clients.add(made);
    return made;
  };
  const witness = client();
  const [told, deaf] = [client(), client({ actMs: 0 })];
  let enforcer = told;
  const driver: DriverUnderTest = {
    get enforcer() {
      return enforcer;
    },
    places: [
      { v4: prefix('192.0.2.5'), v6: prefix('2001:db8:100:4200::/56') },
      { v4: prefix('192.0.2.6'), v6: prefix('2001:db8:100:4300::/56') },
    ],
    truth: async (of) => {
      const [state] = await witness.observe([of]);
      return state?.access === 'strict' || state?.access === 'leaky' ? state.access : 'open';
    },
    // Nobody waits for an answer; the helper acts all the same.
    loseAnswers: () => {
      enforcer = deaf;
    },
    heal: () => {
      enforcer = told;
    },
    restart: async () => {
      enforcer = client();
      await enforcer.install();
    },
    handOver: async () => {},
    prove: async () => {},
    stop: async () => {
      for (const one of clients) await one.close();
    },
  };
  return driver;
});
