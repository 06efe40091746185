// Loads the locales once and answers texts by key. A key that is missing is a bug, not a text: it throws.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInstance } from 'i18next';
import { type Markup, plain, rich } from './markup.ts';

export type Values = Readonly<Record<string, string | number>>;

export interface Texts {
  /** With ruby and strong; for element content. */
  t(key: string, values?: Values): Markup;
  /** Base text alone; for titles and attributes. */
  p(key: string, values?: Values): string;
  /** A text that is a list of short lines. */
  list(key: string, values?: Values): readonly Markup[];
  /** The raw string, for use as a value inside another text. */
  raw(key: string, values?: Values): string;
  /** First 16 hex digits of the locale file's SHA-256: which wording somebody agreed to. */
  readonly version: string;
}

export const LOCALES_DIR = join(import.meta.dirname, '../../../locales');

export function loadTexts(tags: readonly string[], directory = LOCALES_DIR): ReadonlyMap<string, Texts> {
  const files = new Map(tags.map((tag) => [tag, readFileSync(join(directory, `${tag}.json`))]));
  const i18n = createInstance();
  void i18n.init({
    initAsync: false,
    resources: Object.fromEntries(
      [...files].map(([tag, bytes]) => [tag, { translation: JSON.parse(bytes.toString('utf8')) }]),
    ),
    supportedLngs: [...tags],
    // Else `ja-easy` becomes `ja-Easy` (a script subtag), is not found, and quietly falls to `ja`.
    lowerCaseLng: true,
    load: 'currentOnly',
    fallbackLng: false,
    nsSeparator: false,
    // The templates escape; escaping here as well would show «&amp;».
    interpolation: { escapeValue: false },
  });
  return new Map([...files].map(([tag, bytes]) => [tag, textsOf(i18n.getFixedT(tag), bytes)]));
}

type Translate = (key: string, values: Readonly<Record<string, unknown>>) => unknown;

function textsOf(translate: Translate, file: Buffer): Texts {
  const raw = (key: string, values: Values = {}): string => {
    const text = translate(key, { ...values, defaultValue: '' });
    if (typeof text !== 'string' || text === '') throw new Error(`no text for ${key}`);
    return text;
  };
  return {
    t: (key, values) => rich(raw(key, values)),
    p: (key, values) => plain(raw(key, values)),
    list: (key, values = {}) => {
      const lines = translate(key, { ...values, defaultValue: '', returnObjects: true });
      if (!Array.isArray(lines)) throw new Error(`no list for ${key}`);
      return lines.map((line) => rich(String(line)));
    },
    raw,
    version: createHash('sha256').update(file).digest('hex').slice(0, 16),
  };
}
