// A process of its own that reads what strangers sent: mail, archives, XML, signatures. It holds no secret, opens no file and
// no connection; who started it bounds its time and memory and ends it without asking (docs/adr/0013). One job at a time.
import { once } from 'node:events';
import { FrameReader } from '../protocols/unpack/frames.ts';
import type { Facts, Job } from '../protocols/unpack/messages.ts';
import { readDkim } from './dkim.ts';
import { plain, UnpackFault } from './fault.ts';
import { readMail } from './mail.ts';
import { Outlet } from './outlet.ts';
import { readXml } from './xml.ts';
import { unzip } from './zip.ts';

/** The asker has bounded it before. */
const MOST_IN = 1 << 28;

async function write(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

async function work(job: Job, bytes: Buffer, outlet: Outlet): Promise<Facts> {
  switch (job.kind) {
    case 'mail':
      return readMail(bytes, outlet, job.limits);
    case 'zip':
      await unzip(bytes, outlet, job.limits.parts);
      return { kind: 'zip' };
    case 'xml':
      return readXml(bytes, job.limits);
    case 'dkim':
      return readDkim(bytes, job);
  }
}

async function answer(job: Job, bytes: Buffer): Promise<void> {
  const outlet = new Outlet(job.limits, write);
  try {
    const facts = await work(job, bytes, outlet);
    await outlet.say({ is: 'done', facts, resident: process.memoryUsage.rss() });
  } catch (cause) {
    // Memory that is not there ends the process: half a parser is nothing to go on with.
    if (cause instanceof RangeError && /allocat/i.test(cause.message)) process.abort();
    const fault = cause instanceof UnpackFault ? cause : new UnpackFault('unreadable', plain(cause));
    await outlet.say({ is: 'fault', code: fault.code, text: fault.message.slice(0, 500) });
  }
}

const frames = new FrameReader(MOST_IN);
await new Outlet({ parts: 0, depth: 0, bytesOut: 0 }, write).say({ is: 'ready' });
for await (const chunk of process.stdin)
  for (const { head, bytes } of frames.push(chunk as Buffer))
    await answer(head as unknown as Job, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
