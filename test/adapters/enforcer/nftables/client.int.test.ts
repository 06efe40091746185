// The contract over the real thing: helper process, socket, nft, kernel.
import { setTimeout as wait } from 'node:timers/promises';
import { NftablesEnforcer } from '../../../../src/adapters/enforcer/nftables/client.ts';
import { describeEnforcer } from '../../../contract/enforcer.ts';
import { createLabGateway } from '../../../helper/lab-gateway.ts';

describeEnforcer('nftables through the helper', async () => {
  const gateway = createLabGateway();
  await gateway.start();
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
    async stop() {
      for (const client of clients) await client.close();
      await gateway.stop();
    },
  };
});
