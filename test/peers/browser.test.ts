import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPageServer } from '../../examples/browser/src/page-server.ts';
import { phase, plan, ramp } from '../../packages/core/test-support/given-plan.ts';
import { freePort } from '../test-support/free-port.ts';
import { type RunningServer, runningServer } from '../test-support/running-server.ts';

const VITE = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/browser/', import.meta.url));
/** Debian's, or what else there is by that name; Playwright wants its whole path. */
const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((place) => join(place, name)))
  .find((path) => existsSync(path));
/** Where pictures of the page are left for people to look at; nowhere unless given. */
const PICTURES = process.env['THESEUS_PICTURES'];

/** Nobody but those who are named, until the plan goes on to everybody. */
const RAISED = plan([phase('one', [ramp('one', 'new-checkout', { through: [1, 100_000], soakMs: 3_600_000 })])], {
  name: 'checkout',
});

describe.runIf(CHROMIUM !== undefined)('a real browser', () => {
  let theseus: RunningServer;
  let folder: string;
  let pages: Server;
  let browser: Browser;
  let origin: string;
  let run: string;

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    theseus = await runningServer({ api: { corsOrigins: [origin] } });
    run = await theseus.begin(RAISED);
    folder = await mkdtemp(join(tmpdir(), 'theseus-page-'));
    // By itself, since Vitest's own environment would have it build for tests.
    const { NODE_ENV: _test, ...env } = process.env;
    const built = spawnSync(process.execPath, [VITE, 'build', EXAMPLE, '--outDir', folder, '--emptyOutDir'], { env });
    if (built.status !== 0) throw new Error(built.stderr.toString());
    pages = createPageServer({ folder, theseusUrl: theseus.url, theseusToken: theseus.sdkToken, flag: 'new-checkout' });
    await new Promise<void>((resolve) => pages.listen(port, '127.0.0.1', resolve));
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox', '--disable-gpu'] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    pages?.closeAllConnections();
    pages?.close();
    await theseus?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The page, and whatever it complained of. */
  async function open(): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width: 480, height: 420 } });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(origin);
    return { page, complaints };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (PICTURES === undefined) return;
    await mkdir(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  const shows = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();

  it('shows legacy, and the candidate as soon as the plan raises the flag, without a reload; and goes back with it [CO-2]', async () => {
    const { page, complaints } = await open();
    await shows(page, 'Step 1 of 4');
    await page.getByText('SPLIT').waitFor();
    await picture(page, 'legacy');
    await page.evaluate('window.notReloaded = true');
    await theseus.command(run, { verb: 'promote', stepId: 'one/new-checkout', toEnd: true });
    await shows(page, 'Pay in one step');
    expect(await page.getByText('candidate', { exact: true }).count()).toBe(1);
    await picture(page, 'candidate');
    await page.getByLabel('You are').selectOption('bob');
    await shows(page, 'Pay in one step');
    await theseus.command(run, { verb: 'rollback', scope: 'flag', target: 'new-checkout', overMs: 0 });
    await shows(page, 'Step 1 of 4');
    expect(await page.evaluate('window.notReloaded')).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('gets nothing where its origin is not listed, and shows legacy', async () => {
    const stranger = createPageServer({
      folder,
      theseusUrl: theseus.url,
      theseusToken: theseus.sdkToken,
      flag: 'new-checkout',
    });
    const port = await freePort();
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    const page = await browser.newPage();
    const refused = page.waitForEvent('console', { predicate: (message) => /CORS policy/.test(message.text()) });
    await page.goto(`http://127.0.0.1:${port}`);
    await refused;
    await shows(page, 'Step 1 of 4');
    await page.close();
    stranger.closeAllConnections();
    stranger.close();
  });
});
