import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { documentOf, flagOf } from '../test-support/fake-server.ts';
import { LAST_KNOWN_GOOD_FILE, LastKnownGood } from './last-known-good.ts';
import { type LogEntry, LogGate } from './log-gate.ts';

const URL = 'http://127.0.0.1:4780/';
const DOCUMENT = documentOf(12, [flagOf('a', { exposure: 25_000 }), flagOf('__proto__')]);

let folder: string;
let lines: LogEntry[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-copy-'));
  lines = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const copyIn = (where: string, url = URL) => new LastKnownGood(where, url, new LogGate((line) => lines.push(line)));
const path = () => join(folder, LAST_KNOWN_GOOD_FILE);

async function saved(): Promise<string> {
  const copy = copyIn(folder);
  copy.saveSoon(() => DOCUMENT);
  await copy.flush();
  return readFile(path(), 'utf8');
}

describe('LastKnownGood', () => {
  test('reads back what it wrote, and leaves nothing else behind [ALL-4]', async () => {
    await saved();
    expect(copyIn(folder).read()).toEqual(DOCUMENT);
    expect(await readdir(folder)).toEqual([LAST_KNOWN_GOOD_FILE]);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect(lines).toEqual([]);
  });

  test('has written the newest flags when it says so, whoever else writes them', async () => {
    const copy = copyIn(folder);
    copy.saveSoon(() => documentOf(1, []));
    const first = copy.flush();
    copy.saveSoon(() => DOCUMENT);
    const second = copy.flush();
    await copy.flush();
    expect(copyIn(folder).read()).toEqual(DOCUMENT);
    await Promise.all([first, second]);
  });

  test('keeps environments apart in one folder [CO-8]', async () => {
    const log = new LogGate((line) => lines.push(line));
    const copies = ['default', 'staging', 'production'].map((name) => new LastKnownGood(folder, URL, log, name));
    for (const [index, copy] of copies.entries()) {
      copy.saveSoon(() => documentOf(index + 1, []));
      await copy.flush();
    }
    expect(copies.map((copy) => copy.read()?.version)).toEqual([1, 2, 3]);
    expect(new LastKnownGood(folder, URL, log, 'test').read()).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test('takes a copy from before environments for that of the default one', async () => {
    await writeFile(path(), (await saved()).replace('"environment":"default",', ''));
    expect(copyIn(folder).read()).toEqual(DOCUMENT);
  });

  test('makes the folder', async () => {
    const deep = join(folder, 'not', 'there');
    const copy = copyIn(deep);
    copy.saveSoon(() => DOCUMENT);
    await copy.flush();
    expect(copyIn(deep).read()).toEqual(DOCUMENT);
  });

  test('says nothing when there is no copy yet', () => {
    expect(copyIn(folder).read()).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test.each<[string, (text: string) => string, RegExp]>([
    ['cut off', (text) => text.slice(0, -20), /JSON/],
    ['empty', () => '', /JSON/],
    ['changed by one letter', (text) => text.replace('25000', '26000'), /checksum/],
    ['without its checksum', (text) => text.replace(/"checksum":"[^"]*",/, ''), /checksum/],
    ['of another program', () => '{"name":"x"}', /format/],
    ['no object', () => 'null', /format/],
    ['of another server', (text) => text.replace(':4780', ':4781'), /another server/],
    ['of another environment', (text) => text.replace('"default"', '"staging"'), /another environment/],
  ])('ignores a file that is %s, with a line in the log [ALL-4]', async (_what, spoil, reason) => {
    await writeFile(path(), spoil(await saved()));
    expect(copyIn(folder).read()).toBeUndefined();
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', message: expect.stringMatching(reason) })]);
  });

  test('says once that the disk takes nothing, and once that it does again', async () => {
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, 'a file where the folder should be');
    const copy = copyIn(blocked);
    for (let n = 0; n < 3; n += 1) {
      copy.saveSoon(() => DOCUMENT);
      await copy.flush();
    }
    expect(lines.map(({ level }) => level)).toEqual(['warn']);
    await rm(blocked);
    copy.saveSoon(() => DOCUMENT);
    await copy.flush();
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(copyIn(blocked).read()).toEqual(DOCUMENT);
  });

  test('writes a burst of changes once, the last one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const copy = copyIn(folder);
    const asked: number[] = [];
    for (let version = 1; version <= 50; version += 1) {
      copy.saveSoon(() => {
        asked.push(version);
        return documentOf(version, []);
      });
    }
    await vi.advanceTimersByTimeAsync(1000);
    await copy.flush();
    expect(asked).toEqual([50]);
    expect(copyIn(folder).read()?.version).toBe(50);
  });
});
