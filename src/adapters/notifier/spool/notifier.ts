// E-mail as files in a folder, for the lab and for operators who hand messages to their own mailer: one RFC 5322 message a
// file, there whole or not at all. Sends nothing.
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok } from '../../../core/kernel/result.ts';
import type { Clock, Notifier } from '../../../flow/ports.ts';
import { isMailAddress, type OutgoingMessage, unfit } from '../envelope.ts';

export interface SpoolOptions {
  readonly folder: string;
  readonly from: { readonly name: string; readonly address: string };
  readonly clock: Pick<Clock, 'now'>;
}

export function createSpoolNotifier(options: SpoolOptions): Notifier {
  if (!isMailAddress(options.from.address)) throw new Error('notifier: the sender is no plain mail address');
  return {
    channel: 'email',
    async send(message) {
      const fault = isMailAddress(message.to) ? unfit(message) : 'recipient';
      if (fault !== undefined) return err({ kind: 'permanent', text: `not written: ${fault}` });
      try {
        await writeWhole(options.folder, `${message.messageId}.eml`, render(message, options));
        return ok(undefined);
      } catch (error) {
        return err({ kind: 'temporary', text: `not written: ${(error as NodeJS.ErrnoException).code ?? 'failed'}` });
      }
    },
  };
}

/** The same message again replaces the file by the same bytes but for the date. */
async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const temporary = join(folder, `.${name}.${process.pid}.part`);
  const file = await open(temporary, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}

function render(message: OutgoingMessage, { from, clock }: SpoolOptions): string {
  const domain = from.address.slice(from.address.indexOf('@') + 1);
  const headers = [
    `Date: ${new Date(clock.now()).toUTCString().replace('GMT', '+0000')}`,
    `From: ${encodedWords(from.name)} <${from.address}>`,
    `To: ${message.to}`,
    `Subject: ${encodedWords(message.subject)}`,
    `Message-ID: <${message.messageId}@${domain}>`,
    'Auto-Submitted: auto-generated',
    `Content-Language: ${message.language}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  const body = Buffer.from(message.text.replace(/\r?\n/g, '\r\n')).toString('base64').replace(/.{76}/g, '$&\r\n');
  return `${headers.join('\r\n')}\r\n\r\n${body}\r\n`;
}

/** RFC 2047 §2: at most 75 characters a word, never split inside a character. */
function encodedWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !/[=?<>",;:@]/.test(text)) return text;
  const words: string[] = [];
  let part = '';
  for (const character of text) {
    if (Buffer.byteLength(part + character) > 42) {
      words.push(part);
      part = '';
    }
    part += character;
  }
  return [...words, part].map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}
