// Rules that a person loaded and those of the configuration: the newer word holds, and one that cannot be read names nobody.
import { expect, it } from 'vitest';
import { NO_SHARING, type SharingRules } from '../../src/core/line/sharing/rules.ts';
import { NetworkFacts } from '../../src/flow/facts.ts';
import type { Json } from '../../src/flow/ports.ts';

const rules = (version: string): SharingRules => ({ version, rules: [] });

function facts(settings: Map<string, Json>, configured: string, parse = true): NetworkFacts {
  return new NetworkFacts({
    store: {
      setting: async (key) => settings.get(key),
      commit: async (change) => {
        for (const [key, value] of Object.entries(change.settings ?? {})) settings.set(key, value);
        return { ok: true, value: { auditSequence: 0 } };
      },
    },
    clock: { now: () => 0 },
    parseSharing: (text) => (parse ? rules(text) : undefined),
    configured: rules(configured),
  });
}

it('what was loaded outlives a restart, until the configured file says something newer', async () => {
  const settings = new Map<string, Json>();
  const first = facts(settings, 'file-1');
  await first.load();
  expect(first.sharing().version).toBe('file-1');
  await first.giveSharing(rules('loaded'), { text: 'loaded', name: 'x', by: 'erin' });
  expect(first.sharing().version).toBe('loaded');

  const again = facts(settings, 'file-1');
  expect(await again.load()).toBe(true);
  expect(again.sharing().version).toBe('loaded');

  const edited = facts(settings, 'file-2');
  expect(await edited.load()).toBe(true);
  expect(edited.sharing().version).toBe('file-2');
});

it('what was loaded and cannot be read any more leaves no rule, older ones neither', async () => {
  const settings = new Map<string, Json>();
  const first = facts(settings, 'file-1');
  await first.giveSharing(rules('loaded'), { text: 'loaded', name: 'x', by: 'erin' });
  const again = facts(settings, 'file-1', false);
  expect(await again.load()).toBe(false);
  expect(again.sharing()).toBe(NO_SHARING);
});
