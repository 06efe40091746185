// The rules of plain words, for every string in every language. A breach names the key and the sentence.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadGuides } from '../../src/http/portal/guides.ts';
import { LANGUAGES } from '../../src/http/portal/languages.ts';
import { plain } from '../../src/http/portal/markup.ts';
import { LOCALES_DIR } from '../../src/http/portal/texts.ts';
import { sentences, words } from '../portal/read.ts';

const ROOT = join(import.meta.dirname, '../..');
const TAGS = LANGUAGES.map((language) => language.tag);
const locales = new Map(
  TAGS.map((tag) => [tag, flatten(JSON.parse(readFileSync(join(LOCALES_DIR, `${tag}.json`), 'utf8')))]),
);
const english = locales.get('en')!;
const guides = loadGuides();

function flatten(node: unknown, prefix = ''): Map<string, string[]> {
  if (typeof node === 'string') return new Map([[prefix, [node]]]);
  if (Array.isArray(node)) return new Map([[prefix, node.map(String)]]);
  const entries = Object.entries(node as object);
  return new Map(entries.flatMap(([key, value]) => [...flatten(value, prefix === '' ? key : `${prefix}.${key}`)]));
}

const every = (tag: string) => [...locales.get(tag)!].flatMap(([key, texts]) => texts.map((text) => ({ key, text })));
const placeholders = (texts: readonly string[]) => [...new Set(texts.join(' ').match(/\{\{\w+\}\}/g))].sort();
/** As shown, with a device of ordinary length put in. */
const shown = (text: string) => plain(text.replace('{{device}}', '機械').replace(/\{\{\w+\}\}/g, ''));

describe('every language says the same things', () => {
  it.each(TAGS)('%s has the same keys as English, and no empty text', (tag) => {
    expect([...locales.get(tag)!.keys()].sort()).toEqual([...english.keys()].sort());
    expect(every(tag).filter(({ text }) => text.trim() === '')).toEqual([]);
  });

  it.each(TAGS)('%s uses the same placeholders as English', (tag) => {
    const wrong = [...english].filter(
      ([key, texts]) => String(placeholders(texts)) !== String(placeholders(locales.get(tag)!.get(key) ?? [])),
    );
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  it('every step and device of the guides has its texts', () => {
    for (const step of guides.steps) {
      for (const part of ['title', 'how', 'done'])
        expect(english.has(`step.${step}.${part}`), `step.${step}.${part}`).toBe(true);
    }
    for (const device of guides.devices) expect(english.has(`device.${device}.name`), device).toBe(true);
  });

  it('every key is used by a page, and every key used exists', () => {
    const literal = /['"`]([a-z][a-z0-9]*(?:\.[a-z0-9-]+)+)['"`]/g;
    const built = /['"`]([a-z][a-z0-9]*\.[a-z0-9.-]*?)(?:\$\{[^}]*\}|' \+ [\w.]+(?: \+ ')?)([a-z0-9.-]*)/g;
    const sources = [...filesUnder('src/http/portal', '.ts'), ...filesUnder('views/portal', '.ejs')].join('\n');
    const literals = [...sources.matchAll(literal)].map((m) => m[1]!);
    const patterns = [...sources.matchAll(built)].map((m) => new RegExp(`^${esc(m[1]!)}[a-z0-9-]+${esc(m[2]!)}$`));
    const used = (key: string) => literals.includes(key) || patterns.some((pattern) => pattern.test(key));
    expect([...english.keys()].filter((key) => !used(key))).toEqual([]);
    const sections = new Set([...english.keys()].map((key) => key.split('.')[0]));
    const asked = literals.filter((key) => sections.has(key.split('.')[0]) && !/\.(ts|ejs|css|json|yaml)$/.test(key));
    expect(asked.filter((key) => !english.has(key))).toEqual([]);
  });
});

describe('words that frighten or that nobody knows', () => {
  // Family names, jargon and threats; «port» is for the experts' table alone.
  const banned: Readonly<Record<string, RegExp>> = {
    en: /\b(mirai|botnet|c2|malicious|infected|ip|ports?|firmware|immediately|legal action|illegal|guilty|virus)\b/i,
    ja: /不正通信|マルウェア|ボットネット|ポート|ファームウェア|感染|違法|直ちに|ただちに|法的|IPアドレス|mirai/i,
    'ja-easy':
      /不正通信|マルウェア|ボットネット|ポート|ファームウェア|感染|違法|直ちに|ただちに|法的|IPアドレス|mirai/i,
  };
  it.each(TAGS)('%s says none of them outside the details for experts', (tag) => {
    const found = every(tag).filter(({ key, text }) => key !== 'expert.port' && banned[tag]!.test(plain(text)));
    expect(found).toEqual([]);
  });

  it.each(TAGS)('%s asks for no password, card or money', (tag) => {
    const asks = /(enter|type in|tell us|give us) your (password|card)|パスワードを(入力|教えて)ください/i;
    expect(every(tag).filter(({ text }) => asks.test(plain(text)))).toEqual([]);
  });
});

describe('short sentences', () => {
  it('English: at most 20 words', () => {
    const long = every('en').flatMap(({ key, text }) =>
      sentences(shown(text)).map((s) => ({ key, s, n: words(s).length })),
    );
    expect(long.filter(({ n }) => n > 20)).toEqual([]);
  });

  it.each([
    ['ja', 40],
    ['ja-easy', 30],
  ] as const)('%s: at most %i characters', (tag, limit) => {
    const long = every(tag).flatMap(({ key, text }) =>
      sentences(shown(text)).map((s) => ({ key, s, n: [...s.replace(/\s/g, '')].length })),
    );
    expect(long.filter(({ n }) => n > limit)).toEqual([]);
  });
});

describe('easy Japanese', () => {
  const easy = every('ja-easy');
  it('has a reading on every kanji, in hiragana', () => {
    const bare = easy.filter(({ text }) => /\p{Script=Han}/u.test(text.replace(/\{[^{}|]+\|[^{}|]+\}/g, '')));
    expect(bare).toEqual([]);
    const readings = easy.flatMap(({ text }) => [...text.matchAll(/\{[^{}|]+\|([^{}|]+)\}/g)].map((m) => m[1]!));
    expect(readings.filter((reading) => !/^[\p{Script=Hiragana}ー]+$/u.test(reading))).toEqual([]);
  });

  it('is at least half kana, and has spaces between phrases', () => {
    const text = easy.map((e) => plain(e.text)).join('');
    const kana = text.match(/[\p{Script=Hiragana}\p{Script=Katakana}ー]/gu)?.length ?? 0;
    const kanji = text.match(/\p{Script=Han}/gu)?.length ?? 0;
    expect(kana / (kana + kanji)).toBeGreaterThan(0.5);
    const unspaced = easy.flatMap(({ key, text: t }) => sentences(shown(t)).map((s) => ({ key, s })));
    expect(unspaced.filter(({ s }) => [...s].length > 16 && !/[\s、：・]/.test(s))).toEqual([]);
  });
});

function esc(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function filesUnder(directory: string, ending: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(ROOT, directory, name), 'utf8'));
}
