import { randomBytes } from 'node:crypto';
import { chmod, constants, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { linkLibraries } from './library-links.ts';
import { syncFolder } from './private-file.ts';

/**
 * Copies the binaries of `native` to `place`, unless they are there already: one copy serves every folder.
 * The copy appears under its name complete or not at all. Everybody may run it and only its owner may change it.
 *
 * @throws TheseusError `postgres-unavailable` when the copy cannot be written, a full disk for instance.
 */
export async function stageBinaries(native: string, place: string): Promise<string> {
  if (await isFolder(place)) return place;
  const parent = dirname(place);
  const temporary = join(parent, `.${basename(place)}.${randomBytes(6).toString('hex')}`);
  // The list of links names paths under `native`, so the copy carries that name too.
  const copy = join(temporary, 'native');
  try {
    await mkdir(copy, { recursive: true, mode: 0o755 });
    await chmod(parent, 0o755);
    await cp(native, copy, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (source) => isNeeded(relative(native, source)),
    });
    // A read-only original gives a read-only copy, in which no links can be made.
    await openToReaders(copy);
    if (!(await linkLibraries(copy))) throw new Error('its libraries cannot be linked');
    await syncFolder(copy);
    await rename(copy, place);
  } catch (error) {
    // Another process was faster, with the same files.
    if (!(await isFolder(place))) throw cannotStage(place, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return place;
}

/** Static libraries and what extensions are compiled with would only cost space. */
function isNeeded(path: string): boolean {
  const parts = path.split(sep);
  return !path.endsWith('.a') && !parts.includes('pgxs') && !parts.includes('pkgconfig');
}

/** npm keeps the umask of whoever installed, which may have shut others out. */
async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToReaders(path);
    else if (entry.isFile()) await chmod(path, basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function cannotStage(place: string, cause: unknown): TheseusError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TheseusError(
    'postgres-unavailable',
    `Cannot copy the embedded PostgreSQL to ${place}: ${reason}; make room there, or set DATABASE_URL`,
    { cause },
  );
}
