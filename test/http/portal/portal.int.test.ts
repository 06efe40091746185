// The portal over real sockets and the fake desk: the journey without script and cookies, and everybody who tries to cheat it.
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { captiveBody } from '../../../src/http/portal/captive.ts';
import { gradeOf, spokenText, visibleText, words } from '../../portal/read.ts';
import { PEER, startPortal, type TestPortal, walkToConsent } from '../../portal/start.ts';

const ALL_BOXES = ['steps-done', 'may-decide', 'may-return'];
let portal: TestPortal;

beforeEach(async () => {
  portal = await startPortal();
  portal.desk.put(PEER);
});
afterEach(() => portal.stop());

const release = (pauseMs?: number) => portal.fill('/en/release', { declared: ALL_BOXES }, pauseMs);
const released = () => portal.desk.orders.filter((order) => order === 'release').length;

/** Bytes as given, the answer as it comes; resolves when the server closes or has answered `expected` responses. */
function raw(bytes: string, waitForClose = true): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(portal.port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setTimeout(4_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (!waitForClose) socket.destroy();
    });
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('close', () => resolve(answer));
  });
}

describe('the first screen', () => {
  it('says in at most 120 words who, what, when, what works, the first act, how long, how to check, and the ways out', async () => {
    const text = visibleText((await portal.get('/en/')).html);
    for (const part of [
      'We are Example Net',
      'You did nothing wrong',
      'Sunday 22 November, 12:30 (Japan Standard Time)',
      'phone, emergency calls, this page',
      'other websites and apps',
      'about 15 minutes',
      '7KQM-4XRT',
      'never ask for passwords, money or downloads',
      '0120-555-010',
      'help.example.net/chat',
      'medical, alarm or care device',
    ]) {
      expect(text).toContain(part);
    }
    expect(words(text).length).toBeLessThanOrEqual(120);
    expect(gradeOf(spokenText((await portal.get('/en/')).html))).toBeLessThanOrEqual(6);
  });

  it.each(['ja', 'ja-easy'])('%s: at most 350 characters', async (tag) => {
    const text = visibleText((await portal.get(`/${tag}/`)).html);
    expect([...text.replace(/\s/g, '')].length).toBeLessThanOrEqual(350);
  });

  it('is one request of at most 14 KB, with a style block of at most 8 KB and no other host', async () => {
    for (const tag of ['en', 'ja', 'ja-easy']) {
      const answer = await raw(
        `GET /${tag}/ HTTP/1.1\r\nHost: 127.0.0.1:${portal.port}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`,
      );
      const [head = '', ...rest] = answer.split('\r\n\r\n');
      const body = Buffer.from(rest.join('\r\n\r\n'), 'latin1');
      expect(head).toContain('Content-Encoding: gzip');
      expect(answer.length).toBeLessThanOrEqual(14 * 1024);
      const html = gunzipSync(body).toString('utf8');
      expect(/<style>([\s\S]*?)<\/style>/.exec(html)![1]!.length).toBeLessThanOrEqual(8192);
      const urls =
        html.match(/(?:src|href|action|formaction)="[^"]*"|url\(|@import|<(?:script|img|link|iframe)/g) ?? [];
      expect(urls.filter((u) => !/="\//.test(u) && u !== 'href="https://help.example.net/chat"')).toEqual([]);
    }
  });

  it.each([
    ['strict', 'other websites and apps'],
    ['leaky', 'only the paths that attacks use'],
    ['open', 'everything; nothing is paused'],
    ['unknown', 'we are still checking the rest'],
  ] as const)('says no more than is confirmed: %s', async (confirmed, words) => {
    portal.desk.touch(PEER, { confirmed });
    expect(visibleText((await portal.get('/en/')).html)).toContain(words);
  });

  it('counts a person who sees it, not a probe, a prefetch, a preview or a HEAD', async () => {
    const line = portal.desk.line(PEER);
    await portal.get('/en/', { 'sec-purpose': 'prefetch;prerender' });
    await portal.get('/en/', { purpose: 'prefetch' });
    await portal.get('/en/', { accept: 'image/png' });
    await portal.get('/en/', { 'sec-fetch-dest': 'iframe' });
    await portal.get('/en/', { 'user-agent': 'CaptiveNetworkSupport-407 wispr' });
    await fetch(`${portal.origin}/en/`, { method: 'HEAD', headers: { accept: 'text/html' } });
    expect(line.seenCount).toBe(0);
    await portal.get('/en/');
    expect(line.seenCount).toBe(1);
  });

  it('the bare address leads to the language of the browser, of the line, or the default', async () => {
    expect((await portal.get('/', { 'accept-language': 'ja-JP,ja;q=0.9' })).location).toBe('/ja/');
    expect((await portal.get('/', { 'accept-language': 'fi' })).location).toBe('/en/');
    portal.desk.touch(PEER, { language: 'ja-easy' });
    expect((await portal.get('/', { 'accept-language': 'fi' })).location).toBe('/ja-easy/');
  });
});

describe('the whole way', () => {
  it.each(['en', 'ja', 'ja-easy'])(
    'W19: without script and cookies, in %s, every act a POST answered with 303',
    async (tag) => {
      const answers = [await portal.fill(`/${tag}/device`, { device: 'camera' })];
      for (let step = 0; step < 5; step++) answers.push(await portal.fill(`/${tag}/steps`, { answer: 'done' }));
      answers.push(await portal.fill(`/${tag}/question`, { answer: 'found' }));
      answers.push(await portal.fill(`/${tag}/release`, { declared: ALL_BOXES }));
      for (const answer of answers) {
        expect(answer.status).toBe(303);
        expect(answer.headers.get('set-cookie')).toBeNull();
      }
      expect(answers.at(-1)!.location).toBe(`/${tag}/result`);
      const result = await portal.get(`/${tag}/result`);
      expect(result.status).toBe(200);
      expect(result.html).not.toMatch(/<script|javascript:|\son\w+=/i);
      expect(result.html).toContain('7KQM-4XRT');
      expect(portal.desk.orders.at(-1)).toBe('release');
    },
  );

  it('progress belongs to the line: another browser goes on where the first stopped', async () => {
    await portal.fill('/en/device', { device: 'camera' });
    await portal.fill('/en/steps', { answer: 'done' });
    const other = await portal.get('/ja/steps', { 'user-agent': 'another browser' });
    expect(other.html).toContain('カメラの電源を入れ直します');
    expect(other.html).toContain('手順 2 / 5');
  });

  it('a step done with support is shown as such', async () => {
    portal.desk.touch(PEER, { device: 'camera', ticks: [{ step: 'unplug', answer: 'done', with: 'support' }] });
    expect((await portal.get('/en/steps')).html).toContain('done with support');
  });

  it('the consent keeps the very page that was shown, its token masked, with wording, language and boxes', async () => {
    await walkToConsent(portal);
    const shown = await portal.get('/en/release');
    portal.pass(20_000);
    await portal.post('/en/release', { token: shown.token, declared: ALL_BOXES });
    const [consent] = portal.desk.line(PEER).consents;
    expect(consent?.html).toBe(shown.html.replace(shown.token, '[form token]'));
    expect(consent?.html).not.toContain(shown.token);
    expect(consent).toMatchObject({ language: 'en', declared: ALL_BOXES });
    expect(consent?.textVersion).toMatch(/^[0-9a-f]{16}$/);
  });

  it('a result that is not confirmed says so, and «Check again» is a full load that shows the new truth', async () => {
    portal.desk.provesAfterRelease = 'unknown';
    await walkToConsent(portal);
    await release();
    const waiting = visibleText((await portal.get('/en/result')).html);
    expect(waiting).toContain('not confirmed yet');
    expect(waiting).not.toContain('is open again');
    expect(waiting).not.toContain('You are done');
    portal.desk.touch(PEER, { confirmed: 'leaky' });
    expect(visibleText((await portal.get('/en/result')).html)).toContain('Your internet is open again');
  });

  it('a proven result says that the reader is done, and why a page may be slow; a part not proven is named instead', async () => {
    await walkToConsent(portal);
    await release();
    const { html } = await portal.get('/en/result');
    const lead = visibleText(/<p class="lead">.*?<\/p>/.exec(html)![0]);
    expect(lead).toMatch(/^Our network has confirmed it. You are done. ?You may close this page.$/);
    expect(visibleText(html)).toContain('may need one more minute');
    portal.desk.touch(PEER, { partial: true });
    const partly = visibleText((await portal.get('/en/result')).html);
    expect(partly).toContain('One part is not confirmed yet');
    expect(partly).not.toContain('You are done');
  });

  it('a step has three answers to press; the ways away from it are words in one row', async () => {
    await portal.fill('/en/device', { device: 'camera' });
    const { html } = await portal.get('/en/steps');
    expect(html.match(/<button class="btn/g)).toHaveLength(3);
    const row = /<form method="get" class="row">([\s\S]*?)<\/form>/.exec(html)![1]!;
    expect([...row.matchAll(/formaction="([^"]*)"/g)].map((m) => m[1])).toEqual(['/en/device', '/en/later', '/en/']);
  });

  it('«we still see it» does not look like good news', async () => {
    await portal.fill('/en/device', { device: 'camera' });
    expect((await portal.get('/en/steps')).html).toContain('class="card state leaf"');
    portal.desk.touch(PEER, { sighting: { kind: 'still-seen', at: portal.now() } });
    expect((await portal.get('/en/steps')).html).toContain('class="card state amber"');
  });

  it('somebody who could not do the cure is led to a person, never to the release', async () => {
    await portal.fill('/en/device', { device: 'camera' });
    for (let step = 0; step < 5; step++) await portal.fill('/en/steps', { answer: 'unknown' });
    const help = await portal.get('/en/steps');
    expect(visibleText(help.html)).toContain('Let us do this together');
    expect((await portal.get('/en/release')).location).toBe('/en/steps');
    expect(help.html).toContain('action="/en/steps/unplug"');
  });

  it('a step may be answered again later; the release opens when the cure was done', async () => {
    await portal.fill('/en/device', { device: 'camera' });
    for (let step = 0; step < 5; step++) await portal.fill('/en/steps', { answer: step === 1 ? 'cannot' : 'done' });
    const again = await portal.get('/en/steps/restart');
    expect(visibleText(again.html)).toContain('Turn the camera off and on');
    portal.pass(10_000);
    await portal.post('/en/steps', { token: again.token, step: 'restart', answer: 'done' });
    expect((await portal.get('/en/steps')).location).toBe('/en/question');
    expect((await portal.get('/en/steps/no-such')).location).toBe('/en/steps');
  });

  it('the question and the boxes have no answer chosen for the reader', async () => {
    await walkToConsent(portal);
    for (const path of ['/en/device', '/en/question', '/en/release']) {
      expect((await portal.get(path)).html).not.toMatch(/\schecked|\sselected/);
    }
    const forgotten = await portal.fill('/en/release', { declared: ['steps-done'] });
    expect(forgotten.location).toBe('/en/again/tick');
    expect(released()).toBe(0);
  });

  it('no page has a field for passwords, numbers, mail or files', async () => {
    await walkToConsent(portal);
    for (const path of ['', 'device', 'question', 'release', 'medical', 'later', 'manager', 'check']) {
      const { html } = await portal.get(`/en/${path}`);
      expect(html.match(/type="(?!hidden|radio|checkbox|text")[^"]*"/g) ?? []).toEqual([]);
      expect((html.match(/type="text"/g) ?? []).length).toBe(path === 'check' ? 1 : 0);
    }
  });
});

describe('refusals and doors', () => {
  it('while the counters rise: «we still see it», and the phone is the way out', async () => {
    await walkToConsent(portal);
    portal.desk.line(PEER).stillActive = true;
    expect((await portal.get('/en/release')).location).toBe('/en/refused/still-seen');
    const text = visibleText((await portal.get('/en/refused/still-seen')).html);
    expect(text).toContain('We still see the attack');
    expect(text).toContain('0120-555-010');
  });

  it('a page that asks for a call shows number, hours and code together, and the code once', async () => {
    const { html } = await portal.get('/en/refused/limit-per-day');
    const [, card = '', rest = ''] = html.split('class="card leaf call"');
    expect(visibleText(`<p ${card.split('</div>')[0]}`)).toMatch(/Please call us.*9:00–18:00 0120-555-010 .*7KQM-4XRT/);
    expect(html.split('7KQM-4XRT')).toHaveLength(2);
    expect((await portal.get('/en/refused/steps-missing')).html).not.toContain('class="card leaf call"');
    expect(rest).toBe('');
  });

  it('once a day and twice in 90 days, with the next time named', async () => {
    const line = portal.desk.line(PEER);
    await walkToConsent(portal);
    line.releases.push(portal.now() - HOUR);
    expect((await portal.get('/en/release')).location).toBe('/en/refused/limit-per-day');
    expect(visibleText((await portal.get('/en/refused/limit-per-day')).html)).toContain('Monday 23 November');
    line.releases.push(portal.now() - 2 * DAY);
    expect((await portal.get('/en/release')).location).toBe('/en/refused/limit-per-90-days');
  });

  it('the medical door opens once, to a person, and says only what is confirmed', async () => {
    expect((await portal.get('/en/')).html).toContain('action="/en/medical"');
    expect((await portal.fill('/en/medical', {})).location).toBe('/en/medical/done');
    expect(visibleText((await portal.get('/en/medical/done')).html)).toContain('We opened your internet');
    const again = await portal.get('/en/medical');
    expect(again.token).toBe('');
    expect(visibleText(again.html)).toContain('Please call us now');
  });

  it('a medical door that is not confirmed is not called open', async () => {
    portal.desk.provesAfterRelease = 'unknown';
    await portal.fill('/en/medical', {});
    const text = visibleText((await portal.get('/en/medical/done')).html);
    expect(text).toContain('not confirmed yet');
    expect(text).not.toContain('We opened');
  });

  it('«I need until Saturday» is kept and shown with its date', async () => {
    expect((await portal.fill('/en/later', { choice: 'saturday' })).location).toBe('/en/later/done');
    expect(visibleText((await portal.get('/en/later/done')).html)).toContain('Saturday 28 November, 21:00');
    expect(visibleText((await portal.get('/en/')).html)).toContain('You asked for time until Saturday 28 November');
  });

  it('a double click is one act and no error', async () => {
    const page = await portal.get('/en/device');
    portal.pass(5_000);
    const form = { token: page.token, device: 'camera' };
    const both = await Promise.all([portal.post('/en/device', form), portal.post('/en/device', form)]);
    expect(both.map((answer) => answer.location)).toEqual(['/en/steps', '/en/steps']);
    expect(portal.desk.line(PEER).version).toBe(2);
  });

  it('a store that is away gives a reference number, not its words', async () => {
    portal.desk.of = () => Promise.reject(new Error('SQLITE_CORRUPT: secret path'));
    const page = await portal.get('/en/');
    expect(page.status).toBe(500);
    expect(page.html).not.toContain('SQLITE');
    const logged = portal.logged.find((entry) => entry.code === 'PORTAL_PAGE_FAILED');
    const { reference } = logged!.fields as { reference: string };
    expect(page.html).toContain(reference);
  });

  it('an order that failed is not shown as done', async () => {
    await walkToConsent(portal);
    portal.desk.failNext = { kind: 'failed' };
    expect((await release()).location).toBe('/en/refused/failed');
    expect(visibleText((await portal.get('/en/refused/failed')).html)).toContain('Nothing was changed');
  });
});

describe('cheats', () => {
  it('W01: no header names another line', async () => {
    portal.desk.put('192.0.2.9', { checkCode: 'B2HV9WCE' });
    const forged = ['192.0.2.9', '192.0.2.9, 127.0.0.1', '::ffff:192.0.2.9', '[2001:db8::9]:443', '\t192.0.2.9'];
    for (const name of ['x-forwarded-for', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip', 'client-ip', 'via']) {
      for (const value of forged)
        expect((await portal.get('/en/', { [name]: value.trim() })).html).toContain('7KQM-4XRT');
    }
    const page = await portal.get('/en/', { forwarded: 'for=192.0.2.9;host=evil.example;proto=https' });
    expect(page.html).toContain('7KQM-4XRT');
    expect(page.html).not.toContain('B2HV');
  });

  it.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1:1',
    '127.0.0.1.evil.example',
    '"><script>alert(1)</script>',
    'a'.repeat(10_000),
    '',
  ])('W02: Host %.30s gets the one canonical redirect, and nothing of it comes back', async (host) => {
    const answer = await raw(`GET /en/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (302|400)/);
    if (answer.startsWith('HTTP/1.1 302')) expect(answer).toContain(`Location: ${portal.origin}/\r\n`);
    expect(answer).not.toMatch(/evil|script|aaaa/);
    expect(JSON.stringify(portal.logged)).not.toMatch(/evil|script|aaaa/);
  });

  it('W02: absolute targets, double slashes and CRLF do not leave our host', async () => {
    const host = `Host: 127.0.0.1:${portal.port}\r\nConnection: close\r\n\r\n`;
    for (const target of ['http://evil.example/en/', '//evil.example/en/', '/en/%0d%0aSet-Cookie:x=1']) {
      const answer = await raw(`GET ${target} HTTP/1.1\r\n${host}`);
      expect(answer).not.toMatch(/evil|^set-cookie/im);
      expect(answer).toMatch(/^HTTP\/1\.1 (302|404|400)/);
    }
    const post = await raw(
      `POST /en/device HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    expect(post).toMatch(/^HTTP\/1\.1 400/);
  });

  it.each(['//evil.example', '/\\evil.example', 'javascript:alert(1)', 'https://evil.example'])(
    'W03: next=%s leads nowhere',
    async (next) => {
      const query = `next=${encodeURIComponent(next)}&redirect=${encodeURIComponent(next)}&url=${encodeURIComponent(next)}`;
      for (const path of ['/', '/en/', '/en/result', '/en/steps', '/en/check']) {
        const page = await portal.get(`${path}?${query}`);
        expect(page.location ?? '/en/').toMatch(/^\/(en|ja|ja-easy)\//);
        expect(page.html).not.toContain('evil');
      }
    },
  );

  it('W04: a form of another site, a GET and a prefetch change nothing', async () => {
    await walkToConsent(portal);
    const { token } = await portal.get('/en/release');
    portal.pass(20_000);
    const before = portal.desk.orders.length;
    const form = { token, declared: ALL_BOXES };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect((await portal.post('/en/release', form, headers)).status).toBe(403);
    }
    await portal.post('/en/release', { declared: ALL_BOXES });
    const query = `token=${token}&${ALL_BOXES.map((box) => `declared=${box}`).join('&')}`;
    for (const path of ['release', 'steps', 'device', 'question', 'medical', 'later', 'check']) {
      await portal.get(`/en/${path}?${query}&device=camera&answer=done&choice=tonight`, { 'sec-purpose': 'prefetch' });
    }
    expect(portal.desk.orders.length).toBe(before);
    const put = await fetch(`${portal.origin}/en/release`, { method: 'PUT', body: query });
    expect(put.status).toBe(404);
    const own = { origin: portal.origin, 'sec-fetch-site': 'same-origin' };
    expect((await portal.post('/en/release', form, own)).location).toBe('/en/result');
  });

  it('W05: forged, foreign, expired and used tokens all get the same answer, and do nothing', async () => {
    portal.desk.put('192.0.2.9');
    await walkToConsent(portal);
    const good = await portal.get('/en/release');
    const step = await portal.get('/en/device');
    portal.pass(20_000);
    const answers = [];
    for (const token of ['', 'x', `${good.token}x.y`, step.token, good.token.replace(/^./, '1')]) {
      answers.push(await portal.post('/en/release', { token, declared: ALL_BOXES }));
    }
    portal.pass(31 * MINUTE);
    answers.push(await portal.post('/en/release', { token: good.token, declared: ALL_BOXES }));
    for (const answer of answers)
      expect([answer.status, answer.location, answer.html]).toEqual([303, '/en/again/old', answers[0]!.html]);
    expect(released()).toBe(0);
  });

  it('W05: outside links of others are one 404; no address of ours carries a line or a code', async () => {
    const found = await portal.post('/en/check', { code: '7KQM4XRT' });
    expect(found.location).toMatch(/^\/en\/c\/[\w-]{40,}$/);
    expect(found.location).not.toMatch(/7KQM|line-0/);
    const pages = [];
    for (const link of ['1', '7KQM4XRT', 'line-0', 'A'.repeat(64), found.location!.slice(6, -1)]) {
      pages.push(await portal.get(`/en/c/${link}`));
    }
    portal.pass(13 * HOUR);
    pages.push(await portal.get(found.location!));
    expect(pages.map((page) => page.status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect((await portal.get('/en/')).headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('W06: a script that replays the release form, skips steps or answers in 200 ms gets nowhere', async () => {
    // skips
    expect((await portal.get('/en/release')).location).toBe('/en/steps');
    expect((await portal.post('/en/release', { declared: ALL_BOXES })).location).toBe('/en/steps');
    await portal.fill('/en/device', { device: 'camera' });
    const first = await portal.get('/en/steps');
    portal.pass(10_000);
    const skipped = await portal.post('/en/steps', { token: first.token, step: 'reconnect', answer: 'done' });
    expect(skipped.location).toBe('/en/steps');
    expect(portal.desk.line(PEER).journey.ticks).toEqual([]);
    // answers at machine speed
    expect((await portal.fill('/en/steps', { answer: 'done' }, 200)).location).toBe('/en/again/fast');
    expect(visibleText((await portal.get('/en/again/fast')).html)).toContain('Please read once more');
    await walkToConsent(portal);
    expect((await release(200)).location).toBe('/en/again/read');
    expect((await portal.fill('/en/medical', {}, 200)).location).toBe('/en/again/medical');
    expect(released()).toBe(0);
    // replays
    const page = await portal.get('/en/release');
    portal.pass(20_000);
    const form = { token: page.token, declared: ALL_BOXES };
    expect((await portal.post('/en/release', form)).location).toBe('/en/result');
    portal.desk.touch(PEER, { phase: 'quarantined', wanted: 'strict', confirmed: 'strict' });
    for (let i = 0; i < 5; i++) {
      portal.pass(1_000);
      await portal.post('/en/release', form);
    }
    expect(portal.desk.line(PEER).releases.length).toBe(1);
  });

  it('W06: a patient script gets the line leaky, never open, and orders only what a person could', async () => {
    await walkToConsent(portal);
    await release();
    expect(portal.desk.line(PEER).journey).toMatchObject({
      phase: 'on-probation',
      wanted: 'leaky',
      confirmed: 'leaky',
    });
  });

  it('a release form from before a new event is refused as case-changed', async () => {
    await walkToConsent(portal);
    const page = await portal.get('/en/release');
    portal.desk.touch(PEER, { lastSeenAt: portal.now() });
    portal.pass(20_000);
    const answer = await portal.post('/en/release', { token: page.token, declared: ALL_BOXES });
    expect(answer.location).toBe('/en/refused/case-changed');
    expect(released()).toBe(0);
  });

  it('orders are limited per line; the phone number stays on the page that says so', async () => {
    let busy = await portal.post('/en/device', { device: 'x' });
    for (let i = 0; i < 30 && busy.status !== 429; i++) busy = await portal.post('/en/device', { device: 'x' });
    expect(busy.status).toBe(429);
    expect(Number(busy.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(busy.html).toContain('0120-555-010');
    expect((await portal.get('/en/')).status).toBe(200);
  });

  it('junk of a bot in the home takes nothing from the family: its genuine forms and the medical door are served', async () => {
    const junk = async (path: string, form = {}) => (await portal.post(path, form)).status;
    let last = 0;
    for (let i = 0; i < 40; i++) last = await junk('/en/device', { device: 'x', token: 'a.b.c.d' });
    expect(last).toBe(429);
    const device = await portal.fill('/en/device', { device: 'camera' }, 2000);
    expect(device.status).toBe(303);
    for (let i = 0; i < 40; i++) last = await junk('/en/medical');
    expect(last).toBe(429);
    expect((await portal.fill('/en/medical', {}, 2000)).location).toBe('/en/medical/done');
  });

  it('a genuine form sent again and again is junk from the second time on', async () => {
    const { token } = await portal.get('/en/device');
    portal.pass(2000);
    expect((await portal.post('/en/device', { token, device: 'camera' })).status).toBe(303);
    const again = [];
    for (let i = 0; i < 30; i++) again.push((await portal.post('/en/device', { token, device: 'camera' })).status);
    expect(again).toContain(429);
    expect((await portal.fill('/en/device', { device: 'camera' }, 2000)).status).toBe(303);
  });

  it('a flood of page loads leaves the medical door open', async () => {
    let last = 200;
    for (let i = 0; i < 200 && last !== 429; i++) last = (await portal.get('/en/steps')).status;
    expect(last).toBe(429);
    expect((await portal.get('/en/medical')).status).toBe(200);
    expect((await portal.fill('/en/medical', {}, 2000)).location).toBe('/en/medical/done');
  });

  it('W07: wrong check codes end in a pause, from one source, and a code that is none is not counted', async () => {
    for (let i = 0; i < 10; i++) {
      portal.pass(5_000);
      expect((await portal.post('/en/check', { code: `0000-000${i}` })).location).toBe('/en/check?problem=wrong');
    }
    portal.pass(5_000);
    expect((await portal.post('/en/check', { code: '7KQM-4XRT' })).location).toBe('/en/check?problem=pause');
    portal.pass(HOUR);
    expect((await portal.post('/en/check', { code: '7KQM-4XRT' })).location).toMatch(/^\/en\/c\//);
  });

  it.each(['<%= 7*7 %>', '{{7*7}}', '#{7*7}', '$' + '{7*7}', '{漢字|<b>x</b>}', '\'"><img src=x onerror=alert(1)>'])(
    'W08: %s stays text or nothing',
    async (text) => {
      const query = encodeURIComponent(text);
      const pages = [
        await portal.get(`/en/check?problem=${query}`),
        await portal.get(
          `/en/?notice=${query}&settings[view options][delimiter]=x&__proto__[x]=1&constructor[prototype][x]=1`,
        ),
        await portal.get(`/en/again/${query}`),
        await portal.get(`/${query}/`),
        await portal.get(`/en/refused/${query}`),
      ];
      const post = await portal.post('/en/device', {
        device: text,
        token: text,
        __proto__: text,
        'a[__proto__][x]': '1',
      });
      for (const page of [...pages, post]) {
        expect(page.html).not.toMatch(/\b49\b|onerror|<b>x/);
        expect(page.status).toBeLessThan(500);
      }
      expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    },
  );

  it.each(['..%2f..%2fetc%2fpasswd', 'ja%2f..%2f..', '__proto__', 'constructor', 'EN', 'dev', 'en%00'])(
    'W08: the language %s is no language',
    async (tag) => {
      const page = await portal.get(`/${tag}/`);
      expect(page.status).toBe(404);
      expect(page.html).toContain('This page does not exist');
    },
  );

  it('W08: hostile values of the record are shown as text', async () => {
    portal.desk.touch(PEER, {
      expert: [{ family: '<script>alert(1)</script>', lastSeenAt: portal.now(), destinationPort: 23, source: '<b>' }],
      customerNoLast3: '"><i>',
    });
    const { html } = await portal.get('/en/');
    expect(html).not.toMatch(/<script|<i>/);
    expect(html).toContain('&lt;script&gt;');
  });

  it('W09: malformed and oversized requests are refused, and the next reader is served', async () => {
    const host = `Host: 127.0.0.1:${portal.port}\r\n`;
    const hostile = [
      `GET /en/ HTTP/1.1\r\n${host}__proto__: x\r\nconstructor: y\r\nConnection: close\r\n\r\n`,
      `GET /en/ HTTP/1.1\r\n${host}${Array.from({ length: 2000 }, (_, i) => `X-${i}: 1`).join('\r\n')}\r\n\r\n`,
      `GET /en/ HTTP/1.1\r\n${host}Cookie: ${'a'.repeat(1_000_000)}\r\n\r\n`,
      `POST /en/device HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
      `POST /en/device HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `GET /en/ HTTP/1.1\n${host.replace('\r', '')}\n`,
      `POST /en/device HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`,
      `GET /en/ HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ];
    const answers = await Promise.all(hostile.map((bytes) => raw(bytes).catch(() => 'closed')));
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200/);
    for (const answer of answers.slice(1)) expect(answer).toMatch(/^(HTTP\/1\.1 (400|413|431)|closed|$)/);
    expect((await portal.get('/en/')).status).toBe(200);
  });

  it('W09: a body over 8 KiB, or one that is no form, is refused kindly', async () => {
    expect((await portal.post('/en/device', { device: 'x'.repeat(9000) })).status).toBe(413);
    const json = await fetch(`${portal.origin}/en/device`, {
      method: 'POST',
      body: '{"device":"camera"}',
      headers: { 'content-type': 'application/json' },
      redirect: 'manual',
    });
    expect([json.status, json.headers.get('location')]).toEqual([303, '/en/device?notice=choose']);
    expect(portal.desk.orders).toEqual([]);
  });

  it('W14 W18: no frame, no cache, no powered-by; the style block is the one that the policy names', async () => {
    for (const path of ['/en/', '/en/check', '/nowhere', '/en/nowhere', '/']) {
      const { headers } = await portal.get(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none';style-src 'sha256-[\w+/=]+';form-action 'self';base-uri 'none';frame-ancestors 'none'$/,
      );
    }
    const { html, headers } = await portal.get('/en/');
    const css = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!;
    const hash = createHash('sha256').update(css).digest('base64');
    expect(headers.get('content-security-policy')).toContain(`'sha256-${hash}'`);
    expect(html).not.toMatch(/\sstyle=|<script/);
  });
});

describe('outside the garden', () => {
  const AWAY = '198.51.100.20';
  /** The same server, but the socket's peer is nobody we know: the line lives at another address. */
  beforeEach(() => {
    portal.desk.put(AWAY, { checkCode: 'B2HV9WCE', lineRef: 'line-away', customerNoLast3: '977' });
    portal.desk.setStanding(PEER, 'unknown');
  });

  it('W16: by check code: status and steps, nothing personal, and no way to release', async () => {
    const found = await portal.post('/en/check', { code: 'b2hv-9wce' });
    const page = await portal.get(found.location!);
    expect(visibleText(page.html)).toContain('Yes, this code comes from us');
    expect(page.html).not.toMatch(/977|line-away|mirai/);
    expect(page.html).not.toMatch(/action="\/en\/(release|medical|later|device)"/);
    for (const path of ['release', 'medical', 'steps', 'result', 'device']) {
      const neutral = await portal.get(`/en/${path}`);
      expect(visibleText(neutral.html)).toContain('We do not know which line you are on');
      await portal.post(`/en/${path}`, { device: 'camera', answer: 'done', declared: ALL_BOXES });
    }
    expect(portal.desk.orders).toEqual([]);
  });

  it('ticks a step for the line, in order, and the home sees it', async () => {
    portal.desk.touch(AWAY, { device: 'camera' });
    const found = await portal.post('/en/check', { code: 'B2HV9WCE' });
    const answer = await portal.fill(`${found.location}/steps`, { answer: 'done' });
    expect(answer.status).toBe(303);
    expect(portal.desk.line(AWAY).journey.ticks).toEqual([{ step: 'unplug', answer: 'done', with: 'self' }]);
    const step = await portal.get(`${found.location}/steps`);
    portal.pass(10_000);
    await portal.post(`${found.location}/steps`, { token: step.token, step: 'reconnect', answer: 'done' });
    expect(portal.desk.line(AWAY).journey.ticks.length).toBe(1);
  });

  it('an unknown peer sees a neutral page with the phone number and a field for the code', async () => {
    const { html } = await portal.get('/en/');
    expect(html).toContain('0120-555-010');
    expect(html).toContain('name="code"');
    expect(html).not.toMatch(/B2HV|\d{3}-\d{4}-/);
  });

  it('a known line without a case is told that all is well', async () => {
    portal.desk.setStanding(PEER, 'free');
    expect(visibleText((await portal.get('/en/')).html)).toContain('Everything is fine');
  });
});

describe('who asks at an address that lines share', () => {
  it('is asked for with the port of the very connection, wherever a line is looked up', async () => {
    const asked: unknown[] = [];
    const noting =
      <A extends unknown[], R>(ask: (...all: A) => R) =>
      (...all: A): R => {
        asked.push(all.at(-1));
        return ask(...all);
      };
    const { desk } = portal;
    desk.of = noting(desk.of.bind(desk));
    desk.standing = noting(desk.standing.bind(desk));
    desk.byCode = noting(desk.byCode.bind(desk));
    const host = `Host: 127.0.0.1:${portal.port}\r\nConnection: close\r\n`;
    const form = 'code=7KQM4XRT';
    const head = `Origin: ${portal.origin}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}`;
    for (const request of [
      `GET /captive HTTP/1.1\r\n${host}\r\n`,
      `GET / HTTP/1.1\r\n${host}\r\n`,
      `GET /en/ HTTP/1.1\r\n${host}\r\n`,
      `POST /en/check HTTP/1.1\r\n${host}${head}\r\n\r\n${form}`,
    ]) {
      const before = asked.length;
      const own = await new Promise<number>((resolve, reject) => {
        let port = 0;
        const socket = connect(portal.port, '127.0.0.1', () => {
          port = socket.localPort!;
          socket.write(request);
        });
        socket.resume().once('error', reject);
        socket.once('close', () => resolve(port));
      });
      expect(asked.length, request).toBeGreaterThan(before);
      expect(new Set(asked.slice(before)), request).toEqual(new Set([own]));
    }
  });
});

describe('RFC 8908 API', () => {
  const ask = async () => {
    const response = await fetch(`${portal.origin}/captive`);
    return {
      type: response.headers.get('content-type'),
      cache: response.headers.get('cache-control'),
      body: await response.json(),
    };
  };

  it('W12: captive while strict, with an https portal address; free after the release; no session either way', async () => {
    expect(await ask()).toEqual({
      type: 'application/captive+json',
      cache: 'private, no-store',
      body: { captive: true }, // this portal has no https address to name
    });
    expect(JSON.parse(captiveBody(true, 'https://help.example.net/'))).toEqual({
      captive: true,
      'user-portal-url': 'https://help.example.net/',
      'can-extend-session': false,
    });
    await walkToConsent(portal);
    await release();
    expect((await ask()).body).toEqual({ captive: false });
    portal.desk.setStanding(PEER, 'unknown');
    expect((await ask()).body).toEqual({ captive: false });
    expect(portal.desk.orders.at(-1)).toBe('release');
  });
});
