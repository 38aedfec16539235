// Serves the folder named by the first argument in a process of its own, until it is killed or its stdin ends.
// The second argument names another installation of PostgreSQL to use.
import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';

const source = fileURLToPath(new URL('../../../core/src/error.ts', import.meta.url));
const jiti = createJiti(import.meta.url, { fsCache: false, alias: { '@theseus/core/error': source } });
const { startEmbeddedPostgres } = await jiti.import('./embedded-postgres.ts');

const [folder, packageRoot] = process.argv.slice(2);
const surroundings = packageRoot ? { packageRoot: () => packageRoot, systemFolders: [] } : undefined;
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
try {
  const began = performance.now();
  const { connectionString, tookOver, dataFolder, stop } = await startEmbeddedPostgres({ folder }, surroundings);
  say({ kind: 'started', connectionString, tookOver, dataFolder, tookMs: performance.now() - began });
  process.stdin.resume().once('end', () => stop().then(() => process.exit(0)));
} catch (error) {
  say({ kind: 'refused', code: error.code, message: error.message });
  process.exit(1);
}
