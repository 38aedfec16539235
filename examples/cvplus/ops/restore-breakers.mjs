// Restores the states of all breakers: node restore-breakers.mjs <service url> <backup folder> <backup id>
import { askState, readBackup } from './breaker-backup.mjs';

const [service, folder, id] = process.argv.slice(2);
const state = await readBackup(folder, id);
await askState(service, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(state),
});
console.log(`restored ${id}`);
