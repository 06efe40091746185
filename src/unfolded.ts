// For commands that read a feed's file without the service: what lies in an archive, opened where the service would open it.
import { ProcessUnpacker } from './adapters/unpacker/process/unpacker.ts';
import { err, ok, type Result } from './core/kernel/result.ts';
import type { UnpackError } from './flow/ports.ts';
import { isArchive } from './flow/take-in.ts';

interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The file itself, or the only one in it. */
export async function unfolded(file: NamedFile): Promise<Result<NamedFile, UnpackError>> {
  if (!isArchive(file)) return ok(file);
  const unpacker = new ProcessUnpacker();
  try {
    const opened = await unpacker.zip(file.bytes, 'file');
    if (!opened.ok) return opened;
    const [only, ...more] = opened.value;
    if (only === undefined) return err({ code: 'zip-empty', text: 'an archive without files' });
    if (more.length === 0) return ok({ name: only.name, bytes: only.bytes });
    return err({ code: 'zip-several', text: `${more.length + 1} files in it: unpack it and look at each by itself` });
  } finally {
    await unpacker.close();
  }
}
