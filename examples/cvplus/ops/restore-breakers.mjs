// Restores the states of all breakers, or of one: node restore-breakers.mjs <service url> <backup folder> <backup id> [name]
import { askState, readBackup } from './breaker-backup.mjs';

const [service, folder, id, name] = process.argv.slice(2);
const all = await readBackup(folder, id);
if (name !== undefined && !Object.hasOwn(all, name)) throw new Error(`backup ${id} holds no breaker '${name}'`);
const state = name === undefined ? all : { [name]: all[name] };
await askState(service, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(state),
});
console.log(`restored ${name ?? 'all breakers'} from ${id}`);
