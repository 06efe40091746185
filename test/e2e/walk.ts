// A household in front of the portal: presses what is there, reads before it presses. Pictures of the pages only when asked for.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Folder for pictures; unset in a plain test run. */
const SHOTS = process.env['ENGAWA_SHOTS'];

export interface Walk {
  readonly page: Page;
  /** Lets the time pass that the portal gives a reader (W06). */
  read(): Promise<void>;
  /** Called on each page before it is answered. */
  look(name: string): Promise<void>;
}

/** Clicks, and waits until the page it leads to has loaded; the address may well be the same. */
export async function press(page: Page, selector: string): Promise<void> {
  const loaded = page.waitForEvent('load');
  await page.locator(selector).first().click();
  await loaded;
}

/** From the first page to the plain question, every step done; returns the headings on the way. */
export async function walkToQuestion({ page, read, look }: Walk, device: string): Promise<readonly string[]> {
  const headings: string[] = [];
  await press(page, '.btn.main');
  headings.push(await page.locator('h1').innerText());
  await look('device');
  await read();
  await press(page, `button[name="device"][value="${device}"]`);
  for (let step = 1; step <= 8 && (await page.locator('button[name="answer"][value="done"]').count()) > 0; step++) {
    headings.push(await page.locator('h1').innerText());
    await look(`step-${step}`);
    await read();
    await press(page, 'button[name="answer"][value="done"]');
  }
  return headings;
}

export async function answerQuestion({ page, read, look }: Walk, answer: string): Promise<void> {
  await look('question');
  await read();
  await page.locator(`input[name="answer"][value="${answer}"]`).check();
  await press(page, '.btn.main');
}

export async function giveConsent({ page, read, look }: Walk): Promise<void> {
  await look('consent');
  await read();
  for (const box of await page.locator('input[name="declared"]').all()) await box.check();
  await press(page, 'form .btn.main');
}

/** The whole page at both widths, without scroll bars. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  const before = page.viewportSize();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Emulation.setScrollbarsHidden', { hidden: true });
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 740 });
    const options = { format: 'webp', quality: 72, captureBeyondViewport: true } as const;
    const { data } = await cdp.send('Page.captureScreenshot', options);
    writeFileSync(join(SHOTS, `${name}.${width}.webp`), Buffer.from(data, 'base64'));
  }
  await cdp.send('Emulation.setScrollbarsHidden', { hidden: false });
  await cdp.detach();
  if (before !== null) await page.setViewportSize(before);
}
