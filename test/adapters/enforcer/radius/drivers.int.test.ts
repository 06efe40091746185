// The conformance suite for BNGs told by RADIUS: each dialect against the simulated BNG that speaks it, and one dialect against each
// habit in which real ones differ. Simulated: see src/lab/bng; what real peers do is in peers.int.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadDialects } from '../../../../src/config/dialects.ts';
import { formatFault } from '../../../../src/config/faults.ts';
import type { Dialect } from '../../../../src/core/dialect/dialect.ts';
import { formatPrefix } from '../../../../src/core/net/prefix.ts';
import type { GatewayWord } from '../../../../src/flow/ports.ts';
import { SAMPLE_FILTERS } from '../../../../src/lab/bng/vocabularies.ts';
import { valuesOf } from '../../../../src/nas-gateways.ts';
import { describeDriver } from '../../../contract/driver.ts';
import { BngStage, type BngStageOptions, HOMES } from './bng-stage.ts';

const FOLDER = new URL('../../../../deploy/dialects/', import.meta.url).pathname;
const loaded = loadDialects(readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(FOLDER + name, 'utf8') })));
if (!loaded.ok) throw new Error(loaded.error.map(formatFault).join('\n'));
const dialect = (name: string): Dialect => loaded.value.get(name)!;

function stageOf(name: string, more: Partial<BngStageOptions> & Pick<BngStageOptions, 'vocabulary'>): BngStageOptions {
  const one = dialect(name);
  // What an operator has to write is written with the example of the file, and the plan is the box's own.
  const written = Object.entries(one.values).flatMap(([value, { example, required, default: preset }]) => {
    if (value === 'plan') return [['plan', 'plan']];
    return required === false || preset !== undefined ? [] : [[value, example]];
  });
  return { dialect: one, values: valuesOf({ dialect: one, values: Object.fromEntries(written) }), ...more };
}

describeDriver({ name: 'rfc', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create(stageOf('rfc', { vocabulary: 'rfc' })),
);
describeDriver({ name: 'mikrotik', ipv6: false, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('mikrotik', { vocabulary: 'mikrotik' })),
);
describeDriver({ name: 'coova-chilli', ipv6: false, leaky: false, proves: true }, () =>
  BngStage.create(stageOf('coova-chilli', { vocabulary: 'coova-chilli', personality: 'changes-session-id' })),
);
describeDriver({ name: 'juniper-mx', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create(stageOf('juniper-mx', { vocabulary: 'juniper-mx' })),
);
describeDriver({ name: 'cisco-isg', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create(stageOf('cisco-isg', { vocabulary: 'cisco-isg' })),
);
describeDriver({ name: 'cisco-iosxr', ipv6: true, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('cisco-iosxr', { vocabulary: 'cisco-iosxr' })),
);
describeDriver({ name: 'nokia-sros', ipv6: true, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('nokia-sros', { vocabulary: 'nokia-sros' })),
);
describeDriver({ name: 'huawei-me60', ipv6: true, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('huawei-me60', { vocabulary: 'huawei-me60' })),
);
describeDriver({ name: 'accel-ppp', ipv6: false, leaky: true, proves: false }, () =>
  BngStage.create(
    stageOf('accel-ppp', {
      vocabulary: 'accel-ppp',
      personality: { base: 'no-ma-in-reply', unknownAttributes: 'ignore', nakHasCause: false },
    }),
  ),
);
describeDriver({ name: 'redback', ipv6: false, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('redback', { vocabulary: 'redback' })),
);
describeDriver({ name: 'rfc-filter-rule', ipv6: true, leaky: true, proves: false }, () =>
  BngStage.create(stageOf('rfc-filter-rule', { vocabulary: 'rfc-filter-rule' })),
);
describeDriver(
  { name: 'rfc, a third of all packets lost', ipv6: true, leaky: true, proves: true, waitMs: 40_000 },
  () =>
    BngStage.create(
      stageOf('rfc', {
        vocabulary: 'rfc',
        personality: { base: 'lossy', dropRequestsPercent: 18, dropAnswersPercent: 18 },
      }),
    ),
);
describeDriver({ name: 'rfc, no Message-Authenticator in answers', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create(stageOf('rfc', { vocabulary: 'rfc', personality: 'no-ma-in-reply' })),
);
describeDriver({ name: 'rfc, a session renamed by every order', ipv6: true, leaky: true, proves: true }, () =>
  BngStage.create({
    ...stageOf('rfc', { vocabulary: 'rfc', personality: { base: 'changes-session-id', needsUserName: false } }),
    dialect: { ...dialect('rfc'), sessionIdChanges: true },
  }),
);

describe('a simulated BNG with bad habits', () => {
  let t: BngStage;
  afterEach(() => t.stop());

  const begin = async (options: BngStageOptions) => {
    t = await BngStage.create(options);
    const words: GatewayWord[] = [];
    t.enforcer.onWord((said) => words.push(...said));
    return words;
  };
  const place = () => t.places[0];
  const strict = () =>
    t.enforcer.apply({
      put: [place().v4, place().v6].map((prefix) => ({
        prefix,
        access: 'strict' as const,
        abusedPorts: [],
        timeoutSeconds: 1200,
      })),
      remove: [],
    });
  const wordOf = (words: readonly GatewayWord[]) =>
    words.filter(({ prefix }) => formatPrefix(prefix) === HOMES[0]!.ip4).map(({ access, word }) => `${access} ${word}`);

  it('N03: it acknowledges and does nothing: never shown as proven, and the next record raises the alarm', async () => {
    const words = await begin(stageOf('rfc', { vocabulary: 'rfc', personality: 'ignores-and-acks' }));
    await strict();
    await expect.poll(() => wordOf(words)).toContain('strict acked');
    expect((await t.enforcer.observe([place().v4]))[0]!.access).toBe('unknown');
    // Records made too soon after the order say nothing yet (RECORD_RACE); the first one that counts does.
    await expect
      .poll(
        async () => {
          await t.prove();
          return t.enforcer.progress().drifted;
        },
        { interval: 500, timeout: 15_000 },
      )
      .toBe(1);
    await expect.poll(() => wordOf(words)).toContain('strict unanswered');
    expect(wordOf(words)).not.toContain('strict confirmed');
  });

  it('N03: where the BNG can be asked, doing nothing is found at once', async () => {
    const words = await begin(stageOf('cisco-isg', { vocabulary: 'cisco-isg', personality: 'ignores-and-acks' }));
    await strict();
    await expect.poll(() => t.enforcer.progress().drifted).toBe(1);
    expect(wordOf(words)).not.toContain('strict confirmed');
  });

  it('it refuses what it has half done: not proven, told again, and freed again when asked', async () => {
    const words = await begin(stageOf('rfc', { vocabulary: 'rfc', personality: 'half-applies' }));
    await strict();
    await expect.poll(() => wordOf(words)).toContain('strict refused');
    expect(await t.truth(place().v4)).toBe('strict');
    expect((await t.enforcer.observe([place().v4]))[0]!.access).toBe('unknown');
    t.bng.become('strict');
    await t.enforcer.apply({ put: [], remove: [place().v4, place().v6] });
    await expect.poll(() => t.truth(place().v4), { timeout: 5000 }).toBe('open');
  });

  it('N08: it reboots and forgets: homes that dial in again are told again', async () => {
    await begin(stageOf('rfc', { vocabulary: 'rfc', personality: 'forgets-on-reboot' }));
    await strict();
    await expect.poll(() => t.truth(place().v4)).toBe('strict');
    await t.bng.reboot();
    await expect.poll(() => t.truth(place().v4), { timeout: 10_000 }).toBe('strict');
    await expect.poll(() => t.truth(place().v6), { timeout: 10_000 }).toBe('strict');
  });

  it('N09: it is full: what it has stays, the new one is told of and waits', async () => {
    const words = await begin(
      stageOf('rfc', { vocabulary: 'rfc', personality: { base: 'set-full', mostInGarden: 1 } }),
    );
    await strict();
    await expect.poll(() => t.truth(place().v4)).toBe('strict');
    const second = t.places[1].v4;
    await t.enforcer.apply({
      put: [{ prefix: second, access: 'strict', abusedPorts: [], timeoutSeconds: 1200 }],
      remove: [],
    });
    await expect
      .poll(() => words.filter(({ prefix }) => formatPrefix(prefix) === formatPrefix(second)).at(-1)?.failure ?? '')
      .toMatch(/^nak 506/);
    expect([await t.truth(place().v4), await t.truth(second)]).toEqual(['strict', 'open']);
  });

  it('N06: somebody mistyped its secret: silence with its word, no flood, nothing proven', async () => {
    const words = await begin(stageOf('rfc', { vocabulary: 'rfc', personality: 'wrong-secret' }));
    await strict();
    await expect.poll(() => wordOf(words), { timeout: 10_000 }).toContain('strict unanswered');
    expect(words.at(-1)?.failure).toBe('timeout');
    expect(t.bng.counts().badAuthenticator).toBeLessThan(10);
    t.bng.become('strict');
    t.enforcer.retryNow();
    await expect.poll(() => t.truth(place().v4), { timeout: 10_000 }).toBe('strict');
  });

  it('no order is carried out twice and no identifier used again, whatever was lost', async () => {
    const lossy = { base: 'lossy', dropRequestsPercent: 20, dropAnswersPercent: 20 } as const;
    await begin(stageOf('rfc', { vocabulary: 'rfc', personality: lossy }));
    for (let i = 0; i < 3; i++) {
      await strict();
      await expect.poll(() => t.truth(place().v4), { timeout: 20_000 }).toBe('strict');
      await t.enforcer.apply({ put: [], remove: [place().v4, place().v6] });
      await expect.poll(() => t.truth(place().v4), { timeout: 20_000 }).toBe('open');
    }
    expect(t.bng.counts()).toMatchObject({ doubledEffects: 0, reusedIdentifiers: 0 });
  });
});

it('the filters of the simulated BNG are named as the dialects name them', () => {
  for (const name of ['rfc', 'mikrotik', 'juniper-mx', 'cisco-isg'] as const) {
    const values = stageOf(name, { vocabulary: name }).values;
    for (const key of ['strict', 'leaky', 'plan']) expect(Object.keys(SAMPLE_FILTERS[name])).toContain(values[key]);
  }
});
