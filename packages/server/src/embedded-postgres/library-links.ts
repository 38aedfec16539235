import { readFile, stat, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative } from 'node:path';

interface LibraryLink {
  /** The library, relative to the package. */
  readonly source: string;
  /** The link to it, relative to the package. */
  readonly target: string;
}

/**
 * Makes the links between libraries that npm packages cannot carry, as listed in `pg-symlinks.json`.
 * Returns false where they are missing and cannot be made: a read-only installation.
 */
export async function linkLibraries(native: string): Promise<boolean> {
  for (const { source, target } of await readLinks(native)) {
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    try {
      await symlink(relative(dirname(link), join(dirname(native), source)), link);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'EEXIST' && (await exists(link))) continue;
      if (['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'ENOENT'].includes(code)) return false;
      throw error;
    }
  }
  return true;
}

/** Packages for systems that need no links carry no list. */
async function readLinks(native: string): Promise<readonly LibraryLink[]> {
  let text: string;
  try {
    text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return (JSON.parse(text) as LibraryLink[]).filter(({ source, target }) => isInside(source) && isInside(target));
}

function isInside(path: string): boolean {
  return !isAbsolute(path) && !normalize(path).startsWith('..');
}

/** A link counts when what it points to exists. */
async function exists(link: string): Promise<boolean> {
  return stat(link).then(
    () => true,
    () => false,
  );
}
