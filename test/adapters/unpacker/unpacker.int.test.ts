// The unpacking process itself, and what ends it: real processes, real limits of the kernel.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProcessUnpacker } from '../../../src/adapters/unpacker/process/unpacker.ts';
import { zipFile } from '../../unpack/zip-file.ts';

const MIB = 1 << 20;
let unpacker: ProcessUnpacker;
beforeAll(() => {
  unpacker = new ProcessUnpacker();
});
afterAll(() => unpacker.close());

const good = zipFile({ name: 'a.csv', content: 'a,b\n1,2\n' });
const mail = Buffer.from('Subject: x\r\nContent-Type: text/csv; name=a.csv\r\n\r\na,b\r\n');
const codeOf = (result: { readonly ok: boolean; readonly error?: { readonly code: string } }) => result.error?.code;

const isGone = (pid: number | undefined) => {
  try {
    process.kill(pid!, 0);
    return false;
  } catch {
    return true;
  }
};

test('one process stays warm for mail, archives, XML and signatures', async () => {
  const first = await unpacker.zip(good, 'mail');
  expect(first).toMatchObject({ ok: true, value: [{ name: 'a.csv' }] });
  const { pid } = unpacker;
  expect(await unpacker.mail(mail)).toMatchObject({ ok: true, value: { subject: 'x', parts: [{ name: 'a.csv' }] } });
  expect(await unpacker.xml(Buffer.from('<a><b>c</b></a>'))).toMatchObject({ ok: true, value: { root: 'a' } });
  expect(await unpacker.dkim(mail, { now: 0, keys: {} })).toEqual({ ok: true, value: [] });
  expect(codeOf(await unpacker.zip(Buffer.from('PK'), 'mail'))).toBe('zip-broken');
  expect(unpacker.pid, 'a fault of the bytes ends nothing').toBe(pid);
});

test('it has no environment, no file of ours and nothing to run', async () => {
  await unpacker.zip(good, 'mail');
  const environment = readFileSync(`/proc/${unpacker.pid}/environ`, 'utf8');
  expect(environment).toBe('');
  const command = readFileSync(`/proc/${unpacker.pid}/cmdline`, 'utf8').split('\0');
  expect(command).toContain('--permission');
  expect(command.filter((word) => /allow-(child|worker|fs-write|addons|wasi)/.test(word))).toEqual([]);
  const limits = readFileSync(`/proc/${unpacker.pid}/limits`, 'utf8');
  expect(/Max data size +(\d+)/.exec(limits)?.[1], 'the kernel bounds its memory').toBeDefined();
  expect(limits).toMatch(/Max core file size +0 /);
});

test('F13: 10^6 MIME parts and a mail that needs more memory end the process; the next mail is read by another', async () => {
  await unpacker.zip(good, 'mail');
  const { pid } = unpacker;
  const parts = Buffer.concat([
    Buffer.from('Content-Type: multipart/mixed; boundary=x\r\n\r\n'),
    Buffer.from('--x\r\n\r\na\r\n'.repeat(1_000_000)),
  ]);
  // Ours goes on while the other one works itself to death.
  let turns = 0;
  const beat = setInterval(() => turns++, 10);
  expect(codeOf(await unpacker.mail(parts))).toMatch(/^(time|memory)-limit$/);
  clearInterval(beat);
  expect(turns).toBeGreaterThan(20);
  expect(isGone(pid)).toBe(true);
  expect(await unpacker.mail(mail)).toMatchObject({ ok: true });
});

test('F13: 100 MB are not even handed over', async () => {
  expect(codeOf(await unpacker.mail(Buffer.alloc(100_000_000, 'a')))).toBe('too-large');
});

test('F13: memory outside the JavaScript heap is bounded, too', async () => {
  const small = new ProcessUnpacker({ memory: 100 * MIB });
  try {
    // 60 MB of one line: decoded, joined and copied, none of it is on the heap.
    const large = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(60_000_000, 'a')]);
    expect(codeOf(await small.mail(large))).toBe('memory-limit');
    expect(await small.mail(mail)).toMatchObject({ ok: true });
  } finally {
    await small.close();
  }
});

test('F13: a job beyond its time is ended, and so is one that only waits', async () => {
  const hasty = new ProcessUnpacker({ cpuMs: 10 });
  const late = new ProcessUnpacker({ wallMs: 0 });
  try {
    const long = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.from('a\r\n'.repeat(3_000_000))]);
    expect(codeOf(await hasty.mail(long))).toBe('time-limit');
    expect(codeOf(await late.mail(mail))).toBe('time-limit');
  } finally {
    await Promise.all([hasty.close(), late.close()]);
  }
});

test('F14: what a zip bomb unfolds to ends at the cap, with the process alive', async () => {
  const bomb = zipFile({ name: 'a', content: Buffer.alloc(100 * MIB) });
  await unpacker.zip(good, 'mail');
  const { pid } = unpacker;
  expect(codeOf(await unpacker.zip(bomb, 'mail'))).toBe('too-much-out');
  expect(await unpacker.zip(bomb, 'file'), 'a file of the operator may be as large as that').toMatchObject({
    ok: true,
  });
  expect(isGone(pid)).toBe(false);
  expect(await unpacker.zip(good, 'mail')).toMatchObject({ ok: true });
});

test('asked too often at once it says so, and what waited is done', async () => {
  const asked = Array.from({ length: 40 }, () =>
    unpacker.zip(good, 'mail').then(
      () => 'done',
      () => 'busy',
    ),
  );
  const answers = await Promise.all(asked);
  expect(answers.filter((one) => one === 'done').length).toBe(32);
  expect(answers.filter((one) => one === 'busy').length).toBe(8);
});

test('a caller that goes away ends its job, not the next one', async () => {
  const gone = AbortSignal.abort(new Error('gone'));
  await expect(unpacker.zip(good, 'mail', gone)).rejects.toThrow('gone');
  expect(await unpacker.zip(good, 'mail')).toMatchObject({ ok: true });
});

test('a process that was killed from outside is replaced', async () => {
  await unpacker.zip(good, 'mail');
  process.kill(unpacker.pid!, 'SIGKILL');
  expect(await unpacker.zip(good, 'mail')).toMatchObject({ ok: true });
});
