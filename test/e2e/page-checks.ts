// What every page of the portal must bear in a real browser: nothing for axe to find, nothing wider than a small phone, no request
// beside the page itself, glyphs instead of boxes.
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** Violations as one line each; empty = none. */
export async function axeFaults(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const { id, help, nodes } of violations)
      faults.push(`${colorScheme}: ${id}: ${help}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  }
  await page.emulateMedia({ colorScheme: null });
  return faults;
}

/** Pixels by which a page is wider than a window of 320. WCAG 2.2, 1.4.10. */
export async function overflowAt320(page: Page): Promise<number> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const width = (await page.evaluate('document.documentElement.scrollWidth')) as number;
  if (before !== null) await page.setViewportSize(before);
  return width - 320;
}

/** Tab presses until the main button has the focus; undefined = not within 20. */
export async function tabsToMainButton(page: Page): Promise<number | undefined> {
  for (let tabs = 1; tabs <= 20; tabs++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate('document.activeElement.matches(".btn.main")')) return tabs;
  }
  return undefined;
}

export interface Drawn {
  readonly ink: number;
  readonly picture: string;
}

/** Each text drawn with the font of the page's body; equal pictures mean the same glyph, e.g. the box for «no glyph». */
export async function drawn(page: Page, texts: readonly string[]): Promise<readonly Drawn[]> {
  return (await page.evaluate(`(${DRAW})(${JSON.stringify(texts)})`)) as readonly Drawn[];
}

/** Text, because it runs in the page. */
const DRAW = `(texts) => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [80, 80];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  return texts.map((text) => {
    context.clearRect(0, 0, 80, 80);
    context.font = '64px ' + getComputedStyle(document.body).fontFamily;
    context.fillText(text, 8, 64);
    const alpha = [...context.getImageData(0, 0, 80, 80).data].filter((_, i) => i % 4 === 3);
    return { ink: alpha.filter((value) => value > 0).length, picture: alpha.join() };
  });
}`;

/** The font that really drew an element, as the renderer says. */
export async function fontsOf(page: Page, selector: string): Promise<readonly string[]> {
  const cdp = await page.context().newCDPSession(page);
  try {
    await cdp.send('DOM.enable');
    await cdp.send('CSS.enable');
    const { root } = await cdp.send('DOM.getDocument');
    const { nodeId } = await cdp.send('DOM.querySelector', { nodeId: root.nodeId, selector });
    const { fonts } = await cdp.send('CSS.getPlatformFontsForNode', { nodeId });
    return fonts.map(({ familyName }) => familyName);
  } finally {
    await cdp.detach();
  }
}
