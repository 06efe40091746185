// A capture file with UDP datagrams that were never on a wire (https://www.tcpdump.org/manpages/pcap-savefile.5.html), so that
// other people's decoders can read packets of ours.
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const RAW_IP = 101;
/** The port by which decoders tell RADIUS; 1812 would do for every code. */
const PORT = 1812;

export function pcapOf(packets: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC_MICROSECONDS, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(RAW_IP, 20);
  return Buffer.concat([header, ...packets.map(record)]);
}

function record(packet: Uint8Array, index: number): Buffer {
  const frame = datagram(packet);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(index, 0);
  header.writeUInt32LE(frame.length, 8);
  header.writeUInt32LE(frame.length, 12);
  return Buffer.concat([header, frame]);
}

/** IPv4 and UDP without checksums: 192.0.2.1 to 192.0.2.2. */
function datagram(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(28 + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(17, 9);
  header.set([192, 0, 2, 1, 192, 0, 2, 2], 12);
  header.writeUInt16BE(PORT, 20);
  header.writeUInt16BE(PORT, 22);
  header.writeUInt16BE(8 + payload.length, 24);
  return Buffer.concat([header, payload]);
}
