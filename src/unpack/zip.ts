// An archive, entry by entry, by its central directory. Refused as a whole at the first thing that an honest sender of reports
// does not do: encryption, links, paths that climb, archives in archives, sizes or checksums that lie.
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { plain, UnpackFault } from './fault.ts';
import type { Outlet } from './outlet.ts';

/** APPNOTE 4.4.4 bit 0, 4.4.5. */
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** APPNOTE 4.4.2: made on Unix, so the upper half of the external attributes is st_mode. */
const UNIX = 3;
const TYPE_OF_FILE = 0o170_000;
const REGULAR = 0o100_000;
const FOLDER = 0o040_000;

export function isZip(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  return a === 0x50 && b === 0x4b && ((c === 3 && d === 4) || (c === 5 && d === 6));
}

export async function unzip(bytes: Buffer, outlet: Outlet, mostEntries: number): Promise<void> {
  const zip = await open(bytes);
  if (zip.entryCount > mostEntries) throw new UnpackFault('too-many-parts', `more than ${mostEntries} entries`);
  try {
    for await (const entry of zip.eachEntry()) await takeEntry(zip, entry, outlet);
  } catch (cause) {
    throw cause instanceof UnpackFault ? cause : new UnpackFault('zip-broken', plain(cause));
  }
}

function open(bytes: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    // Names are read below: its own check of them would end in a text, not in a reason.
    yauzl.fromBuffer(bytes, { lazyEntries: true, decodeStrings: false }, (cause, zip) =>
      cause === null ? resolve(zip) : reject(new UnpackFault('zip-broken', plain(cause))),
    );
  });
}

async function takeEntry(zip: ZipFile, entry: Entry, outlet: Outlet): Promise<void> {
  const name = yauzl.getFileNameLowLevel(
    entry.generalPurposeBitFlag,
    entry.fileName as unknown as Buffer,
    entry.extraFields,
    true,
  );
  if (yauzl.validateFileName(name) !== null) throw new UnpackFault('zip-path', 'a name leads out of the archive');
  const type = entry.versionMadeBy >> 8 === UNIX ? (entry.externalFileAttributes >>> 16) & TYPE_OF_FILE : 0;
  if (name.endsWith('/') || type === FOLDER) return;
  if (type !== 0 && type !== REGULAR) throw new UnpackFault('zip-link', 'an entry is a link or a device');
  if ((entry.generalPurposeBitFlag & ENCRYPTED) !== 0) throw new UnpackFault('zip-encrypted', 'an entry is encrypted');
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw new UnpackFault('zip-method', `compression method ${entry.compressionMethod}`);
  await outlet.part(name, '');
  await inflate(zip, entry, outlet);
}

async function inflate(zip: ZipFile, entry: Entry, outlet: Outlet): Promise<void> {
  let sum = 0;
  let isFirst = true;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    if (isFirst && isZip(chunk)) throw new UnpackFault('zip-nested', 'an archive inside the archive');
    isFirst = false;
    sum = crc32(chunk, sum);
    await outlet.bytes(chunk);
  }
  if (sum !== entry.crc32) throw new UnpackFault('zip-broken', 'the checksum of an entry is wrong');
}
