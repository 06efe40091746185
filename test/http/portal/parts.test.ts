// The small parts by themselves: markup, languages, tokens, limits, dates, guides, codes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { datesFor, laterChoices } from '../../../src/http/portal/dates.ts';
import { isForeign } from '../../../src/http/portal/guard.ts';
import { loadGuides } from '../../../src/http/portal/guides.ts';
import { negotiate } from '../../../src/http/portal/languages.ts';
import { createLimit } from '../../../src/http/portal/limits.ts';
import { escapeForTemplate, plain, rich } from '../../../src/http/portal/markup.ts';
import { readCode } from '../../../src/http/portal/pages/check.ts';
import { loadTexts } from '../../../src/http/portal/texts.ts';
import { createTokens } from '../../../src/http/portal/tokens.ts';

const OFFERED = ['en', 'ja', 'ja-easy'];
const AT = Date.UTC(2026, 10, 22, 5, 5);

describe('markup', () => {
  it('makes ruby and strong of our own two forms only', () => {
    expect(rich('{家|いえ}の **大切**').html).toBe(
      '<ruby>家<rp>(</rp><rt>いえ</rt><rp>)</rp></ruby>の <strong>大切</strong>',
    );
    expect(plain('{家|いえ}の **大切**')).toBe('家の 大切');
  });

  it('W08: lets no tag, attribute or template through, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const html = rich(text).html.replace(/<\/?(ruby|rt|rp|strong)>/g, '');
        expect(html).not.toMatch(/[<>"']/);
        expect(escapeForTemplate(text)).not.toMatch(/[<>"']/);
      }),
      { numRuns: 200 },
    );
  });
});

describe('languages', () => {
  it.each([
    ['ja-JP,ja;q=0.9,en;q=0.8', 'ja'],
    ['de-DE,de;q=0.9,en-GB;q=0.3', 'en'],
    ['fr', 'en'],
    ['en;q=0, ja;q=0.1', 'ja'],
    ['JA-EASY', 'ja-easy'],
    ['../../etc/passwd', 'en'],
    ['__proto__, constructor', 'en'],
    [undefined, 'en'],
  ])('%s gives %s', (header, tag) => expect(negotiate(header, OFFERED, 'en')).toBe(tag));

  it('W17: a header of 100,000 ranges costs no more than a short one', () => {
    const header = `${'xx;q=0.1,'.repeat(100_000)}ja`;
    const from = process.hrtime.bigint();
    expect(negotiate(header, OFFERED, 'en')).toBe('en');
    expect(Number(process.hrtime.bigint() - from) / 1e6).toBeLessThan(50);
  });

  it('easy Japanese has a file of its own and never falls to Japanese', () => {
    const texts = loadTexts(OFFERED);
    expect(texts.get('ja-easy')!.raw('first.title')).not.toBe(texts.get('ja')!.raw('first.title'));
    expect(new Set(OFFERED.map((tag) => texts.get(tag)!.version)).size).toBe(3);
    expect(() => texts.get('ja-easy')!.raw('no.such-key')).toThrow('no text for no.such-key');
  });
});

describe('form tokens', () => {
  const tokens = createTokens(Buffer.alloc(32, 7));
  const subject = { lineRef: 'line-1', version: '4', action: 'tick:restart' };

  it('opens what it issued, with the time of issue', () => {
    const opened = tokens.open(tokens.issue(subject, AT), subject, AT + MINUTE);
    expect(opened).toMatchObject({ kind: 'good', issuedAt: AT, fresh: true, proof: { expiresAt: AT + 30 * MINUTE } });
  });

  it('W05: a token of another line, another action, another key or past its time is bad', () => {
    const token = tokens.issue(subject, AT);
    expect(tokens.open(token, { ...subject, lineRef: 'line-2' }, AT).kind).toBe('bad');
    expect(tokens.open(token, { ...subject, action: 'release' }, AT).kind).toBe('bad');
    expect(createTokens(Buffer.alloc(32, 8)).open(token, subject, AT).kind).toBe('bad');
    expect(tokens.open(token, subject, AT + 30 * MINUTE).kind).toBe('bad');
  });

  it('an older version or another page is genuine but not fresh', () => {
    const token = tokens.issue({ ...subject, pageHash: 'a' }, AT);
    expect(tokens.open(token, { ...subject, pageHash: 'a', version: '5' }, AT)).toMatchObject({
      kind: 'good',
      fresh: false,
    });
    expect(tokens.open(token, { ...subject, pageHash: 'b' }, AT)).toMatchObject({ kind: 'good', fresh: false });
  });

  it('any changed character, and any text at all, is bad and throws nothing', () => {
    const token = tokens.issue(subject, AT);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'z', '0', '.', '_'), (i, c) => {
        const changed = token.slice(0, i) + c + token.slice(i + 1);
        // The last character of base64url carries spare bits: another spelling of the same bytes is the same token.
        const same = changed === token || i === token.length - 1;
        if (!same) expect(tokens.open(changed, subject, AT + MINUTE).kind).toBe('bad');
      }),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.string(), (text) => tokens.open(text, subject, AT).kind === 'bad'),
      { numRuns: 100 },
    );
  });

  it('an outside link hides the code and dies after twelve hours', () => {
    const sealed = tokens.seal('7KQM4XRT', AT);
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('7KQM');
    expect(tokens.unseal(sealed, AT + 11 * HOUR)).toBe('7KQM4XRT');
    expect(tokens.unseal(sealed, AT + 12 * HOUR)).toBeUndefined();
    expect(tokens.unseal(`A${sealed.slice(1)}`, AT)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => tokens.unseal(text, AT) === undefined),
      { numRuns: 100 },
    );
  });
});

describe('limits', () => {
  it('lets a burst pass, then asks for patience, then lets go on', () => {
    const limit = createLimit({ burst: 2, perSecond: 0.5 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('a', 0)]).toEqual([undefined, undefined, 2]);
    expect(limit.take('b', 0)).toBeUndefined();
    expect(limit.take('a', 2000)).toBeUndefined();
  });

  it('keeps a bounded number of keys and forgets the idle first', () => {
    const limit = createLimit({ burst: 1, perSecond: 0.001, keys: 10 });
    limit.take('me', 0);
    for (let i = 0; i < 9; i++) limit.take(`other ${i}`, 0);
    expect(limit.take('me', 1)).toBeGreaterThan(0); // still known, and now the most recent
    for (let i = 0; i < 1000; i++) limit.take(`flood ${i}`, 2);
    expect(limit.take('me', 3)).toBeUndefined();
  });

  it('a clock that steps back neither throws nor gives tokens away', () => {
    const limit = createLimit({ burst: 1, perSecond: 1 });
    limit.take('a', 10_000);
    expect(limit.take('a', 0)).toBe(1);
  });
});

describe('dates in the zone of the readers', () => {
  /** Without what keeps lines together. */
  const spaced = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u2060', '');

  it('no line ends inside a day or a time', () => {
    expect(datesFor('en', 'Asia/Tokyo').full(AT)).toMatch(/22\u00a0November, 14:05 \(Japan\u00a0Standard\u00a0Time\)/);
    expect(datesFor('ja', 'Asia/Tokyo').short(AT)).toContain('11月\u206022日\u2060（日）14時\u206005分');
    expect(datesFor('ja-easy', 'Asia/Tokyo').short(AT)).toContain('2{時|じ}\u20605{分|ふん}');
  });

  it.each([
    ['en', 'Sunday 22 November, 14:05 (Japan Standard Time)'],
    ['ja', '11月22日（日）14時05分（日本標準時）'],
    ['ja-easy', '11{月|がつ}22{日|にち} {午後|ごご}2{時|じ}5{分|ふん}（{日本|にほん}の {時間|じかん}）'],
  ])('%s: %s', (tag, text) => expect(spaced(datesFor(tag, 'Asia/Tokyo').full(AT))).toBe(text));

  it('easy Japanese reads the days of a month as people say them', () => {
    const first = datesFor('ja-easy', 'Asia/Tokyo').short(Date.UTC(2026, 11, 19, 15, 10));
    expect(spaced(first)).toBe('12{月|がつ}{20日|はつか} {午前|ごぜん}0{時|じ}10{分|ぷん}');
  });

  it('names the zone of other countries too', () => {
    expect(spaced(datesFor('en', 'Europe/Berlin').full(AT))).toContain('Sunday 22 November, 6:05 (Central European');
  });

  it('«tonight» and «Saturday» are 21:00 there; tonight is not offered when it is near', () => {
    const choices = laterChoices(AT, 'Asia/Tokyo');
    expect(choices).toEqual({ tonight: Date.UTC(2026, 10, 22, 12), saturday: Date.UTC(2026, 10, 28, 12) });
    expect(laterChoices(AT + 6 * HOUR, 'Asia/Tokyo').tonight).toBeUndefined();
    expect(laterChoices(AT + 6 * DAY, 'Asia/Tokyo').saturday).toBe(Date.UTC(2026, 11, 5, 12));
  });
});

describe('foreign forms', () => {
  const ours = ['https://help.example.net'];
  it.each([
    [{}, false],
    [{ origin: 'https://help.example.net', 'sec-fetch-site': 'same-origin' }, false],
    [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, false],
    [{ origin: 'null' }, false],
    [{ origin: 'https://evil.example' }, true],
    [{ origin: 'https://help.example.net.evil.example' }, true],
    [{ origin: 'null', 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-site': 'same-site' }, true],
  ])('%j → %s', (headers, foreign) => expect(isForeign(headers, ours)).toBe(foreign));
});

describe('check codes as people write them', () => {
  it.each([
    ['7kqm-4xrt', '7KQM4XRT'],
    [' 7KQM 4XRT ', '7KQM4XRT'],
    ['OI1L-0000', '01110000'],
    ['７ＫＱＭ４ＸＲＴ', '7KQM4XRT'],
    ['7KQM4XR', undefined],
    ['7KQM4XRU', undefined],
    ['<script>', undefined],
    ['', undefined],
  ])('%s → %s', (text, code) => expect(readCode(text)).toBe(code));
});

describe('guides', () => {
  const guides = loadGuides();
  const journey = (guide: string, device: string, ticks: Record<string, 'done' | 'cannot' | 'unknown'> = {}) => ({
    guide,
    survivesRestart: guide !== 'restart',
    device,
    ticks: Object.entries(ticks).map(([step, answer]) => ({ step, answer, with: 'self' as const })),
  });
  const ids = (...asked: Parameters<typeof journey>) => guides.plan(journey(...asked)).map((step) => step.id);

  it('memory-only malware: off the network, power while off, password, update, back', () => {
    expect(ids('restart', 'camera')).toEqual(['unplug', 'restart', 'password', 'update', 'reconnect']);
  });

  it('what survives a restart, and every storage box, is never offered a restart', () => {
    for (const device of guides.devices) {
      for (const guide of ['reset', 'nas', 'some-new-family']) {
        const steps = ids(guide, device, { 'maker-tool': 'cannot', update: 'cannot' });
        expect(
          steps.filter((id) => id.includes('restart')),
          `${guide} ${device}`,
        ).toEqual([]);
      }
    }
    expect(ids('restart', 'nas')).not.toContain('restart');
  });

  it('a device without updates is left off the network instead of connected again', () => {
    expect(ids('restart', 'camera', { update: 'cannot' }).slice(-1)).toEqual(['retire']);
  });

  it('all answered, but nothing that could have cured it: help, not a release', () => {
    const answers = { unplug: 'done', restart: 'cannot', password: 'done', update: 'done', reconnect: 'done' } as const;
    expect(guides.progress(journey('restart', 'camera', answers)).at).toBe('help');
    expect(guides.progress(journey('restart', 'camera', { ...answers, restart: 'done' })).at).toBe('told');
  });

  it('every guide and device leads somewhere, by any answers, and ends', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('restart', 'reset', 'nas', 'other'),
        fc.constantFrom(...guides.devices),
        fc.array(fc.constantFrom('done', 'cannot', 'unknown'), { minLength: 12, maxLength: 12 }),
        (guide, device, answers) => {
          const ticks: Record<string, 'done' | 'cannot' | 'unknown'> = {};
          for (const answer of answers) {
            const progress = guides.progress(journey(guide, device, ticks));
            if (progress.at !== 'step') break;
            ticks[progress.steps[progress.index]!.id] = answer as 'done';
          }
          expect(['help', 'told']).toContain(guides.progress(journey(guide, device, ticks)).at);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('an unknown kind of device from the record is asked again', () => {
    expect(guides.progress(journey('restart', 'toaster')).at).toBe('device');
  });
});
