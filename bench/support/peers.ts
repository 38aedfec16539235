import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A module of `bench/peers`, which is installed first where it is not. Its lock file is its own, so that the product's stays small. */
export async function peerModule(name: string, progress: (line: string) => void): Promise<unknown> {
  const folder = new URL('../../peers/', import.meta.url);
  if (!existsSync(new URL('node_modules/.package-lock.json', folder))) {
    progress('installing the peers (npm ci in bench/peers)');
    const install = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: fileURLToPath(folder),
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    if (install.status !== 0) throw new Error('the peers cannot be installed; --only many-flags measures without them');
  }
  return import(new URL(name, folder).href);
}
