// The contract over the real thing: helper process, socket, nft, kernel. One helper serves all cases; each starts empty.
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { NftablesEnforcer } from '../../../../src/adapters/enforcer/nftables/client.ts';
import { describeEnforcer } from '../../../contract/enforcer.ts';
import { createLabGateway, type LabGateway } from '../../../helper/lab-gateway.ts';

let gateway: LabGateway;
beforeAll(async () => {
  gateway = createLabGateway();
  await gateway.start();
});
afterAll(() => gateway.stop());

describeEnforcer('nftables through the helper', async () => {
  gateway.nft('flush', 'ruleset');
  const clients: NftablesEnforcer[] = [];
  const fresh = () => {
    const client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
    clients.push(client);
    return client;
  };
  return {
    enforcer: fresh(),
    fresh,
    flushAll: async () => void gateway.nft('flush', 'ruleset'),
    passSeconds: (seconds) => wait(seconds * 1000),
    stop: async () => {
      for (const client of clients) await client.close();
    },
  };
});
