// Small files that survive a power cut: whole-file replacement and appending, both with fsync of file and folder.
import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Readers see the old content or the new one, never a part. */
export async function replaceFile(path: string, content: string, mode = 0o640): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = await open(temporary, 'w', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw cause;
  }
  await syncFolder(path);
}

export async function appendDurably(path: string, content: string, mode = 0o640): Promise<void> {
  const file = await open(path, 'a', mode);
  try {
    await file.appendFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(path);
}

/** Gone afterwards, whether it was there or not. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await syncFolder(path);
}
