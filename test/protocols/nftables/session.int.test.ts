// The real nft in a namespace of our own: framing, micro-batches, and what a wedged or dying nft is allowed to cost.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NftCommand } from '../../../src/protocols/nftables/command.ts';
import { NftSession } from '../../../src/protocols/nftables/session.ts';

const netns = `engses${process.pid}`;
const inside = ['/usr/sbin/ip', 'netns', 'exec', netns];
const nft = (...args: string[]) => execFileSync('ip', ['netns', 'exec', netns, 'nft', ...args], { encoding: 'utf8' });

const add = (...addresses: string[]): NftCommand => ({
  add: { element: { family: 'inet', table: 't', name: 's', elem: addresses } },
});
const create = (address: string): NftCommand => ({
  create: { element: { family: 'inet', table: 't', name: 's', elem: [address] } },
});
const mustAbort: NftCommand = { create: { table: { family: 'inet', name: 't' } } };
const bad: NftCommand = { add: { element: { family: 'inet', table: 't', name: 'none', elem: ['192.0.2.1'] } } };

let session: NftSession;

beforeAll(() => execFileSync('ip', ['netns', 'add', netns]));
afterAll(() => execFileSync('ip', ['netns', 'del', netns]));
beforeEach(() => {
  nft('add table inet t; flush table inet t; add set inet t s { type ipv4_addr; }; flush set inet t s');
  session = new NftSession({ program: [...inside, '/usr/sbin/nft'], deadlineMs: 5000 });
});
afterEach(() => session.close());

describe('the long-lived nft session', () => {
  it('commits a transaction and says so', async () => {
    expect(await session.transact([add('192.0.2.1', '192.0.2.2')])).toEqual({ ok: true, value: undefined });
    expect(nft('list', 'set', 'inet', 't', 's')).toContain('192.0.2.1, 192.0.2.2');
  });

  it('one bad command undoes its whole transaction, and the next one is not blamed for it', async () => {
    const [first, second] = [
      await session.transact([add('192.0.2.1'), bad]),
      await session.transact([add('192.0.2.9')]),
    ];
    expect(first).toMatchObject({ ok: false, error: { kind: 'failed' } });
    expect(second.ok).toBe(true);
    expect(nft('list', 'set', 'inet', 't', 's')).not.toContain('192.0.2.1');
  });

  it('a bad neighbour in a micro-batch costs the others nothing', async () => {
    const answers = await Promise.all([
      session.transact([add('192.0.2.1')]),
      session.transact([bad]),
      session.transact([add('192.0.2.3')]),
    ]);
    expect(answers.map((a) => a.ok)).toEqual([true, false, true]);
    expect(nft('list', 'set', 'inet', 't', 's')).toContain('192.0.2.1, 192.0.2.3');
  });

  it('a probe counts its errors and changes nothing', async () => {
    await session.transact([add('192.0.2.1')]);
    const [present, absent] = await Promise.all([
      session.probe(JSON.stringify({ nftables: [create('192.0.2.1'), mustAbort] })),
      session.probe(JSON.stringify({ nftables: [create('192.0.2.2'), mustAbort] })),
    ]);
    expect(present.ok && present.value.length).toBe(2);
    expect(absent.ok && absent.value.length).toBe(1);
    expect(nft('list', 'set', 'inet', 't', 's')).not.toContain('192.0.2.2');
  });

  it('thousands of small changes share few transactions and all get in', async () => {
    session.close();
    session = new NftSession({ program: [...inside, '/usr/sbin/nft'], maxQueue: 3000 });
    const addresses = Array.from({ length: 2000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
    const answers = await Promise.all(addresses.map((a) => session.transact([add(a)])));
    expect(answers.every((a) => a.ok)).toBe(true);
    expect(nft('list', 'set', 'inet', 't', 's').match(/198\.18\./g)).toHaveLength(2000);
  });

  it('long transactions go through a file: same answers, nothing left behind', async () => {
    session.close();
    const folder = mkdtempSync(join(tmpdir(), 'engses-'));
    try {
      session = new NftSession({ program: [...inside, '/usr/sbin/nft'], folder });
      const addresses = Array.from({ length: 5000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
      expect(await session.transact([add(...addresses), bad])).toMatchObject({ ok: false, error: { kind: 'failed' } });
      expect(nft('list', 'set', 'inet', 't', 's')).not.toContain('198.18.');
      expect((await session.transact([add(...addresses)])).ok).toBe(true);
      expect(nft('list', 'set', 'inet', 't', 's').match(/198\.18\./g)).toHaveLength(5000);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a full queue answers busy at once', async () => {
    session.close();
    session = new NftSession({ program: [...inside, '/usr/sbin/nft'], maxQueue: 2 });
    const answers = await Promise.all(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((a) => session.transact([add(a)])));
    expect(answers[2]).toEqual({ ok: false, error: { kind: 'busy' } });
  });

  it('nft killed between two commands is started again', async () => {
    await session.transact([add('192.0.2.1')]);
    process.kill(session.pid!, 'SIGKILL');
    await expect.poll(async () => (await session.transact([add('192.0.2.2')])).ok).toBe(true);
    expect(nft('list', 'set', 'inet', 't', 's')).toContain('192.0.2.1, 192.0.2.2');
  });

  it('a wedged nft is killed after the deadline, the answer is timeout, and the next command finds a fresh one', async () => {
    session.close();
    const folder = mkdtempSync(join(tmpdir(), 'engses-'));
    try {
      // Wedged the first time it is started, real afterwards.
      const script = join(folder, 'nft');
      writeFileSync(script, `#!/bin/sh\nmkdir ${folder}/once 2>/dev/null && exec sleep 60\nexec "$@"\n`, {
        mode: 0o755,
      });
      session = new NftSession({ program: [script, ...inside, '/usr/sbin/nft'], deadlineMs: 2000 });
      expect(await session.transact([add('192.0.2.1')])).toMatchObject({ ok: false, error: { kind: 'timeout' } });
      expect((await session.transact([add('192.0.2.2')])).ok).toBe(true);
      expect(nft('list', 'set', 'inet', 't', 's')).not.toContain('192.0.2.1');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a program that never runs answers gone, without a storm of attempts', async () => {
    session.close();
    session = new NftSession({ program: ['/nonexistent/nft'], deadlineMs: 500 });
    expect(await session.transact([add('192.0.2.1')])).toMatchObject({ ok: false, error: { kind: 'gone' } });
    const before = performance.now();
    await session.transact([add('192.0.2.1')]);
    expect(performance.now() - before).toBeGreaterThan(20);
  });
});
