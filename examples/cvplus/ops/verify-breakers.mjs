// Reads a backup back and checks that every breaker in it can be restored: node verify-breakers.mjs <backup folder> <backup id>
import { readBackup } from './breaker-backup.mjs';

const [folder, id] = process.argv.slice(2);
const breakers = Object.entries(await readBackup(folder, id));
/** Those of the circuit-breaker service, and those of the adapters. */
const isWhole = ({ status, count, format, breaker }) =>
  format === undefined
    ? ['closed', 'open', 'half-open'].includes(status) && Number.isInteger(count)
    : format === 'theseus-migration/1' && typeof breaker === 'object';
const broken = breakers.filter(([, state]) => !isWhole(state));
if (breakers.length === 0 || broken.length > 0)
  throw new Error(`backup ${id} holds no breakers that could be restored`);
console.log(`${id} holds ${breakers.length} breakers`);
