// A line is in one garden set at a time, though a put takes the other access away only where it may be.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import { createLabGateway, type LabGateway, prefix } from './lab-gateway.ts';

const A = prefix('192.0.2.5');
const put = (access: 'leaky' | 'strict', of = A) => ({
  put: [{ prefix: of, access, abusedPorts: [], timeoutSeconds: 600 }],
  remove: [],
});

let gateway: LabGateway;
let client: NftablesEnforcer;

const setsOf = () =>
  ['strict4', 'leaky4'].filter((set) => gateway.nft('list', 'set', 'inet', 'engawa', set).includes('192.0.2.5'));

beforeAll(() => {
  gateway = createLabGateway();
});
afterAll(() => gateway.stop());
beforeEach(async () => {
  gateway.nft('flush', 'ruleset');
  await gateway.start();
  client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
  await client.install();
});
afterEach(async () => {
  await client.close();
  await gateway.kill();
});

describe('from one garden set to the other', () => {
  it('there and back leaves the line in one set', async () => {
    for (const access of ['strict', 'leaky', 'strict'] as const) {
      await client.apply(put(access));
      expect(setsOf()).toEqual([`${access}4`]);
    }
  });

  it('what a former helper put is taken away by the next one', async () => {
    await client.apply(put('strict'));
    await gateway.kill();
    await gateway.start();
    expect((await client.apply(put('leaky'))).ok).toBe(true);
    expect(setsOf()).toEqual(['leaky4']);
  });

  it('changes of one line sent without waiting end as the last one says', async () => {
    for (let i = 0; i < 20; i++) {
      const last = i % 2 === 0 ? 'leaky' : 'strict';
      const sent = [put('strict'), put('leaky'), { put: [], remove: [A] }, put('leaky'), put('strict'), put(last)];
      const answers = await Promise.all(sent.map((change) => client.apply(change)));
      expect(answers.every((answer) => answer.ok)).toBe(true);
      expect(setsOf()).toEqual([`${last}4`]);
    }
  });

  it('a put that overtakes the answer of release-all is not forgotten', async () => {
    for (let i = 0; i < 10; i++) {
      await Promise.all([client.releaseAll(), client.apply(put('strict')), client.apply(put('leaky'))]);
      expect(setsOf().length).toBeLessThanOrEqual(1);
    }
  });
});
