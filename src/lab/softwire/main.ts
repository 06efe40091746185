// main.ts OPTIONS FD: one end of softwires, on a TUN device: what comes out of it as IPv4 goes back in as IPv6 and is routed on by the
// kernel, and the other way round. Started by start.ts; ends with its namespace.
import { read, writeSync } from 'node:fs';
import { address, farEndsOf, type SoftwireOptions } from './options.ts';
import { decapsulate, encapsulate, versionOf } from './packet.ts';

const LARGEST_PACKET = 65_536;
const options = JSON.parse(process.argv[2]!) as SoftwireOptions;
const tun = Number(process.argv[3]);
const own = address(options.own).bytes;
const farEnds = farEndsOf(options);
const buffer = Buffer.alloc(LARGEST_PACKET);

/** What goes back into the device; undefined = nobody's packet, dropped without a word. */
function answerTo(packet: Uint8Array): Uint8Array | undefined {
  if (versionOf(packet) === 4) {
    const destination = farEnds.towards(packet);
    return destination === undefined ? undefined : encapsulate(packet, { source: own, destination });
  }
  const out = decapsulate(packet);
  if (out === undefined || !own.every((byte, i) => byte === out.destination[i])) return undefined;
  return farEnds.mayCome(out.inner, out.source) ? out.inner : undefined;
}

function next(): void {
  read(tun, buffer, 0, buffer.length, null, (error, length) => {
    if (error !== null) throw error;
    const answer = answerTo(buffer.subarray(0, length));
    if (answer !== undefined) send(answer);
    next();
  });
}

function send(packet: Uint8Array): void {
  try {
    writeSync(tun, packet);
  } catch {
    // the kernel does not want it: the device is not up yet, or the packet is no good one
  }
}

next();
process.stdout.write('ready\n');
