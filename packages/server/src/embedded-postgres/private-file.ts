import { randomBytes } from 'node:crypto';
import { lchown, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRoot } from './account.ts';

/** Replaces a file in one step and durably, so that a power cut leaves the old text or the new one. Mode 0600. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await giveToFolderOwner(temporary);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** What root writes into somebody's folder stays theirs, so that they can still use it without root. */
export async function giveToFolderOwner(path: string): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await stat(dirname(path));
  // Never through a link that they have laid: root would give away what it leads to.
  await lchown(path, uid, gid);
}

/** Makes renames and new names within a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
