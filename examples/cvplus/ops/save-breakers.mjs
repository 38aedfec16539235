// Saves the states of all breakers: node save-breakers.mjs <service url> <backup folder>
import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { askState, backupPath, digestOf } from './breaker-backup.mjs';

const [service, folder] = process.argv.slice(2);
const state = await askState(service);
const id = `breakers-${Date.now()}-${randomBytes(4).toString('hex')}`;
const path = backupPath(folder, id);
await mkdir(folder, { recursive: true });
// Written beside and moved into place: a backup is there whole or not at all.
await writeFile(`${path}.part`, JSON.stringify({ state, digest: await digestOf(state) }));
await rename(`${path}.part`, path);
console.log(`saved as ${id}`);
