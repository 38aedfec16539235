import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyPattern } from './key-pattern.ts';
import { scanSource } from './scan-source.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-scan-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

const placesOf = async (key: string) =>
  (await scanSource(folder, [key])).byKey.get(key)?.lines.map(({ file, line }) => `${file}:${line}`);

describe('keyPattern()', () => {
  it.each([
    ['new-cache', "if (isOn('new-cache'))", 'a.ts', true],
    ['new-cache', '- ramp: new-cache', 'plan.yaml', true],
    ['new-cache', 'FLAG_NEW_CACHE=true', '.env', true],
    ['new-cache', "isOn('new-cache-writer')", 'a.ts', false],
    ['new-cache', "isOn('brand-new-cache')", 'a.ts', false],
    ['new-cache', 'FLAG_NEW_CACHE_WRITER=true', '.env', false],
    ['cache', "isOn('cache')", 'a.ts', true],
    ['cache', 'isOn("cache")', 'a.ts', true],
    ['cache', '// the cache is warm', 'a.ts', false],
    ['cache', '- ramp: cache', 'plan.yaml', true],
    ['v1.2', "isOn('v1.2')", 'a.ts', true],
    ['v1.2', "isOn('v1x2')", 'a.ts', false],
  ])('of %s in `%s` of %s: %s', (key, text, file, names) => {
    expect(keyPattern(key).namesIt(text, file)).toBe(names);
  });
});

describe('scanSource()', () => {
  it('finds each line in the files that git knows or would take in, and in no other [CO-6]', async () => {
    execFileSync('git', ['init', '--quiet', folder]);
    await write('.gitignore', 'dist/\n');
    await write('src/known.ts', "import x;\r\nroute('new-cache');\r\nroute('other');\r\nroute('new-cache');\r\n");
    await write('dist/known.js', "route('new-cache');");
    execFileSync('git', ['-C', folder, 'add', '.']);
    await write('src/untracked.ts', "route('new-cache');");
    expect(await placesOf('new-cache')).toEqual(['src/known.ts:2', 'src/known.ts:4', 'src/untracked.ts:1']);
  });

  it('walks a folder without git, passing over node_modules, links, binaries and files above 1 MB [CO-6]', async () => {
    await write('a.ts', "route('new-cache');");
    await write('node_modules/x/a.js', "route('new-cache');");
    await write('binary', Buffer.from("\0route('new-cache');"));
    await write('large.ts', `// ${'x'.repeat(1_000_000)}\nroute('new-cache');`);
    await symlink(join(folder, 'a.ts'), join(folder, 'link.ts'));
    const scan = await scanSource(folder, ['new-cache']);
    expect(scan.byKey.get('new-cache')).toEqual({
      lines: [{ file: 'a.ts', line: 1, text: "route('new-cache');" }],
      leftOff: 0,
    });
    expect([scan.files, scan.passedOver]).toEqual([1, 2]);
  });

  it('counts what is beyond a thousand lines of one flag instead of listing it', async () => {
    await write('a.ts', "route('new-cache');\n".repeat(1_003));
    const found = (await scanSource(folder, ['new-cache'])).byKey.get('new-cache');
    expect([found?.lines.length, found?.leftOff]).toEqual([1_000, 3]);
  });

  it('says that there is no such folder', async () => {
    await expect(scanSource(join(folder, 'nowhere'), ['a-b'])).rejects.toThrow('There is no folder');
  });
});
