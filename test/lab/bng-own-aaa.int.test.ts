// The same story where no FreeRADIUS is installed: the service answers the logins of the second BNG itself, with a
// Message-Authenticator that the BNG requires.
import { afterAll, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { Narrator } from '../../src/lab/narrator.ts';
import { RadiusStory } from '../../src/lab/radius-story.ts';

let lab: Lab | undefined;
afterAll(async () => {
  await lab?.destroy();
}, 60_000);

test('with Engawa as AAA every fact of the story is observed', async () => {
  lab = await Lab.build({ homes: 1, radiusHomes: 2, ownAaa: true });
  expect(lab.freeRadius).toBeUndefined();
  await lab.startEngawa();
  await lab.startSecond();
  let told = '';
  const narrator = new Narrator((text) => {
    told += text;
  });
  await new RadiusStory(lab, narrator).tell();
  expect(told).toContain('Engawa’s own AAA');
  expect(narrator.failed(), lab.launcher.main?.words().slice(-2000)).toEqual([]);
  expect(narrator.facts.length).toBeGreaterThan(50);
}, 150_000);
