// What devices ask before any person does: the captive probes of deploy/probes.yaml through the real steering, and the API of RFC 8908
// over TLS. Home 1 is free all along, home 2 is in the garden and then released.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { freeAnswerOf, httpProbes } from '../../src/lab/probe-sites.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { waitFor } from '../../src/lab/wait.ts';
import { quarantine, settledLab } from './household.ts';

const PORTAL = `https://${LAB_NAMES.portal}`;
const RELEASED_MS = 2000;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly error: string | null;
}

let lab: Lab;
beforeAll(async () => {
  lab = await settledLab(2);
});
afterAll(async () => {
  await lab?.destroy();
});

function ask(home: number, url: string, family?: 4 | 6): Promise<Answer> {
  const only = family === undefined ? {} : { family };
  return lab.homes[home - 1]!.do<Answer>('visit', { url, ca: lab.site.caFile, headers: { accept: '*/*' }, ...only });
}

async function captive(home: number): Promise<unknown> {
  const { status, headers, body, error } = await ask(home, `${PORTAL}/captive`);
  expect([status, error]).toEqual([200, null]);
  expect(headers['content-type']).toBe('application/captive+json');
  expect(headers['cache-control']).toContain('private');
  return JSON.parse(body);
}

const rows = httpProbes().map((probe) => [freeAnswerOf(probe).url, probe] as const);

describe('W12: a free line', () => {
  test.each(rows)('gets the site’s own answer from %s', async (url, probe) => {
    const { status, body, error } = await ask(1, url);
    expect({ status, body, error }).toEqual({ status: probe.free.status, body: freeAnswerOf(probe).body, error: null });
  });

  test('is not captive', async () => {
    expect(await captive(1)).toEqual({ captive: false });
  });
});

describe('W12: a line in strict', () => {
  beforeAll(async () => {
    await quarantine(lab, 2);
  });

  test.each(rows)('is led to the portal by %s', async (url) => {
    for (const family of [4, 6] as const) {
      const { status, headers, body, error } = await ask(2, url, family);
      expect([status, error], `IPv${family}`).toEqual([302, null]);
      expect(headers['location']).toBe(`${PORTAL}/`);
      expect(headers['cache-control']).toBe('no-store');
      expect(body.length).toBeGreaterThan(4); // Android takes less for a fault of the network
    }
  });

  test('is captive, with the portal’s address; its neighbour is not', async () => {
    expect(await captive(2)).toMatchObject({ captive: true, 'user-portal-url': `${PORTAL}/` });
    expect(await captive(1)).toEqual({ captive: false });
  });
});

describe('W12: the line after its release', () => {
  test('is not captive within two seconds, and its probes are left alone', async () => {
    await lab.order('case.release', { find: 'LAB-2', reason: 'the device was found and switched off' });
    const releasedAt = performance.now();
    const said = await waitFor(
      () => captive(2),
      (answer) => (answer as { captive: boolean }).captive === false,
    );
    const tookMs = Math.round(performance.now() - releasedAt);
    console.log(`captive: false ${tookMs} ms after the release`);
    expect(said).toEqual({ captive: false });
    expect(tookMs).toBeLessThan(RELEASED_MS);
    for (const [url, probe] of rows) {
      const { status, body } = await ask(2, url);
      expect({ url, status, body }).toEqual({ url, status: probe.free.status, body: freeAnswerOf(probe).body });
    }
  });
});
