// Runs one of the readers in this process and gives back what would have left the other one.
import { FrameReader, MAX_CHUNK } from '../../src/protocols/unpack/frames.ts';
import { type Limits, readSaid } from '../../src/protocols/unpack/messages.ts';
import { UnpackFault } from '../../src/unpack/fault.ts';
import { Outlet } from '../../src/unpack/outlet.ts';

export const LIMITS: Limits = { parts: 20, depth: 10, bytesOut: 1 << 20 };

export async function outcomeOf(work: (outlet: Outlet) => Promise<unknown>, limits: Limits = LIMITS) {
  const frames = new FrameReader(MAX_CHUNK);
  const parts: { name: string; mediaType: string; text: string }[] = [];
  const outlet = new Outlet(limits, async (bytes) => {
    for (const frame of frames.push(bytes)) {
      const said = readSaid(frame);
      if (said === undefined) throw new Error('said something that is no answer');
      if (said.is === 'part') parts.push({ name: said.name, mediaType: said.mediaType, text: '' });
      if (said.is === 'bytes') parts.at(-1)!.text += Buffer.from(frame.bytes).toString('latin1');
    }
  });
  try {
    return { facts: await work(outlet), parts };
  } catch (cause) {
    if (!(cause instanceof UnpackFault)) throw cause;
    return { fault: cause.code, parts };
  }
}
