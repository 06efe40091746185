// The texts of messages that leave the house, one file per language beside the portal's own words.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { showCheckCode } from '../core/casefile/check-code.ts';
import type { MessageTemplate, MessageText } from '../flow/notify.ts';

const textSchema = z.strictObject({ subject: z.string().min(1).max(200), text: z.string().min(1).max(4000) });
const fileSchema = z.strictObject({
  noticed: textSchema,
  exposed: textSchema,
  quarantined: textSchema,
  released: textSchema,
  apology: textSchema,
});

const FOLDER = join(import.meta.dirname, '../../locales/messages');

/** Throws when a language has no file or a file is not of the right form: then the service does not start. */
export function loadMessages(
  words: { readonly operator: string; readonly phone: string; readonly portal: string },
  languages: { readonly offered: readonly string[]; readonly default: string },
): (template: MessageTemplate, language: string, checkCode: string) => MessageText {
  const files = new Map(
    languages.offered.map((language) => [
      language,
      fileSchema.parse(JSON.parse(readFileSync(join(FOLDER, `${language}.json`), 'utf8'))),
    ]),
  );
  return (template, language, checkCode) => {
    const texts = (files.get(language) ?? files.get(languages.default))![template];
    const values: Readonly<Record<string, string>> = { ...words, code: showCheckCode(checkCode) };
    const fill = (text: string) => text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
    return { subject: fill(texts.subject), text: fill(texts.text) };
  };
}
