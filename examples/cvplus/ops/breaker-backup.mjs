import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const TIME_LIMIT_MS = 10_000;

/** Where a backup lies. The id comes from outside, so nothing but its own shape is accepted as one. */
export function backupPath(folder, id) {
  if (!/^breakers-[0-9]+-[0-9a-f]+$/.test(id ?? '')) throw new Error(`'${id}' is not the id of a backup`);
  return join(folder, `${id}.json`);
}

/** A backup's content, whole and unchanged since it was written. */
export async function readBackup(folder, id) {
  const { state, digest } = JSON.parse(await readFile(backupPath(folder, id), 'utf8'));
  if (digest !== (await digestOf(state))) throw new Error(`backup ${id} is damaged`);
  return state;
}

export async function digestOf(state) {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(state)));
  return Buffer.from(bytes).toString('hex');
}

/** Asks a service for its state, or gives it one. */
export async function askState(service, options = {}) {
  const response = await fetch(`${service}/state`, { ...options, signal: AbortSignal.timeout(TIME_LIMIT_MS) });
  if (!response.ok) throw new Error(`${service} answered ${response.status}`);
  return response.json();
}
