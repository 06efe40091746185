// Debian's Chromium inside a home: its own profile, the flags of a plain user's browser, trust in the lab's authority through an
// NSS database as an administrator would install it. Certificate errors are never ignored.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import type { Lab } from '../../src/lab/lab.ts';
import { inNamespace, mustRun } from '../../src/lab/network-process.ts';

const CHROMIUM = '/usr/bin/chromium';
const LAUNCH_MS = 60_000;

export interface HomeBrowser {
  /** The browser's own profile; the captive check opens its tab here. */
  readonly context: BrowserContext;
  /** For contexts beside it, e.g. one without script. */
  readonly browser: Browser;
  close(): Promise<void>;
}

/** `languages` as somebody chose them in the browser's settings, e.g. `ja,en`. */
export async function openBrowser(lab: Lab, home: number, languages: string): Promise<HomeBrowser> {
  const folder = await mkdtemp(join(lab.site.folder, 'browser-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  try {
    await trust(folder, lab.site.caFile);
    await prefer(folder, languages);
    const executablePath = await wrapper(folder, lab, home);
    const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath,
      timeout: LAUNCH_MS,
    });
    context.setDefaultTimeout(20_000);
    const browser = context.browser();
    if (browser === null) throw new Error('no browser behind the profile');
    return {
      context,
      browser,
      close: async () => {
        await context.close().catch(() => undefined);
        await remove();
      },
    };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

async function trust(home: string, caFile: string): Promise<void> {
  const database = join(home, '.pki', 'nssdb');
  await mkdir(database, { recursive: true });
  await mustRun(['certutil', '-d', `sql:${database}`, '-N', '--empty-password']);
  await mustRun(['certutil', '-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'Engawa lab', '-i', caFile]);
}

/** In the profile, not by emulation: the tab that the captive check opens is the browser's own doing. */
async function prefer(folder: string, languages: string): Promise<void> {
  const settings = join(folder, 'profile', 'Default');
  await mkdir(settings, { recursive: true });
  const intl = { accept_languages: languages, selected_languages: languages };
  await writeFile(join(settings, 'Preferences'), JSON.stringify({ intl }));
}

/**
 * What playwright starts instead of Chromium: enters the home and leaves playwright's own flags away (among them
 * --disable-background-networking, which switches the captive check off). The pipe on descriptors 3 and 4 is inherited.
 */
async function wrapper(folder: string, lab: Lab, home: number): Promise<string> {
  const { resolver } = lab.network.addresses;
  const [file, resolvConf] = [join(folder, 'chromium-at-home'), join(folder, 'resolv.conf')];
  await writeFile(resolvConf, `nameserver ${resolver.ip4}\nnameserver ${resolver.ip6}\n`);
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--no-first-run'];
  const argv = [
    'env',
    `HOME=${folder}`,
    CHROMIUM,
    ...flags,
    `--user-data-dir=${join(folder, 'profile')}`,
    'about:blank',
  ];
  const command = inNamespace(lab.network.homes[home - 1]!.hostNamespace, argv, resolvConf);
  await writeFile(file, `#!/bin/sh\nexec ${command.map(quoted).join(' ')}\n`);
  await chmod(file, 0o755);
  return file;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
