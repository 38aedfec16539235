import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accountInPasswd, canEnter, chooseAccount, isRoot } from './account.ts';

describe('accountInPasswd()', () => {
  const passwd =
    'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nnobody:*:-2:-2::/:/bin/false\npostgres:x:101:104:::\nodd:x::\n';

  it.each([
    ['postgres', { uid: 101, gid: 104 }],
    ['nobody', { uid: 4_294_967_294, gid: 4_294_967_294 }],
    ['toor', null],
    ['odd', null],
    ['absent', null],
  ])('reads %s', (name, account) => {
    expect(accountInPasswd(passwd, name)).toEqual(account);
  });
});

describe.skipIf(!isRoot())('chooseAccount() as root', () => {
  it('goes on with the owner of the data, unless that is root', async () => {
    expect(await chooseAccount({ uid: 1234, gid: 1235 })).toEqual({ uid: 1234, gid: 1235 });
    expect((await chooseAccount({ uid: 0, gid: 0 }))?.uid).toBeGreaterThan(0);
    expect((await chooseAccount(null))?.uid).toBeGreaterThan(0);
  });
});

describe.skipIf(isRoot())('chooseAccount() as an ordinary user', () => {
  it('stays that user', async () => {
    expect(await chooseAccount({ uid: 1234, gid: 1235 })).toBeNull();
  });
});

describe('canEnter()', () => {
  it('tells an open folder from one behind a closed parent', async () => {
    const parent = await mkdtemp('/var/tmp/theseus-account-');
    const folder = join(parent, '-a folder');
    await mkdir(folder);
    const account = isRoot() ? { uid: 65_534, gid: 65_534 } : null;
    try {
      await chmod(parent, 0o755);
      expect(await canEnter(account, folder)).toBe(true);
      await chmod(parent, 0o600);
      expect(await canEnter(account, folder)).toBe(false);
    } finally {
      await chmod(parent, 0o700);
      await rm(parent, { recursive: true });
    }
  });
});
