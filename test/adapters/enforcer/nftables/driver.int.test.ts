// The conformance suite of all drivers for the Linux gateway: helper process, socket, nft, kernel – on this machine, and on another
// one over a real sshd. The truth is the kernel's, asked by a client on the spot that remembers nothing.
import { afterAll, beforeAll } from 'vitest';
import { NftablesEnforcer } from '../../../../src/adapters/enforcer/nftables/client.ts';
import { type DriverUnderTest, describeDriver } from '../../../contract/driver.ts';
import { createLabGateway, type LabGateway, prefix, share } from '../../../helper/lab-gateway.ts';
import { type SshServer, startSshServer } from '../../../helper/ssh-server.ts';

let gateway: LabGateway;
let server: SshServer;
beforeAll(async () => {
  gateway = createLabGateway();
  await gateway.start();
  server = await startSshServer(gateway.folder, gateway.socketPath);
});
afterAll(async () => {
  await server?.stop();
  await gateway.stop();
});

const APART: DriverUnderTest['places'] = [
  { v4: prefix('192.0.2.5'), v6: prefix('2001:db8:100:4200::/56') },
  { v4: prefix('192.0.2.6'), v6: prefix('2001:db8:100:4300::/56') },
];
const SHARING: DriverUnderTest['places'] = [
  { ...APART[0], v4: share('192.0.2.200', 5) },
  { ...APART[1], v4: share('192.0.2.200', 6) },
];

const TRAITS = { ipv6: true, leaky: true, proves: true };
describeDriver({ name: 'nftables through the helper', ...TRAITS }, () =>
  createDriver({ socketPath: gateway.socketPath }),
);
describeDriver({ name: 'nftables, one address for both homes', ...TRAITS }, () =>
  createDriver({ socketPath: gateway.socketPath }, SHARING),
);
describeDriver({ name: 'nftables over ssh', ...TRAITS }, () => createDriver({ ssh: server.ssh }));

type Way = { readonly socketPath: string } | Pick<SshServer, 'ssh'>;

async function createDriver(way: Way, places = APART): Promise<DriverUnderTest> {
  gateway.nft('flush', 'ruleset');
  const clients = new Set<NftablesEnforcer>();
  const client = (to: Way = way, deadlines = {}) => {
    const made = new NftablesEnforcer({ gateway: 'bng1', ...to, deadlines });
    clients.add(made);
    return made;
  };
  const witness = client({ socketPath: gateway.socketPath });
  const [told, deaf] = [client(), client(way, { actMs: 0 })];
  let enforcer = told;
  const driver: DriverUnderTest = {
    get enforcer() {
      return enforcer;
    },
    places,
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
}
