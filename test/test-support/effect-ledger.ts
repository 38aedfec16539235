import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Step } from '@theseus/core/plan';
import { common } from '../../packages/core/test-support/given-plan.ts';

/** Appends the key of its effect. With `once` it does what a careful command does: it knows what it has done already. */
const SCRIPT = `
import { appendFileSync, writeFileSync } from 'node:fs';
const key = process.env.THESEUS_IDEMPOTENCY_KEY;
const [mode, ledger, marks] = process.argv.slice(2);
await new Promise((resolve) => setTimeout(resolve, 150));
let isNew = true;
if (mode === 'once') {
  try {
    writeFileSync(marks + '/' + encodeURIComponent(key), '', { flag: 'wx' });
  } catch {
    isNew = false;
  }
}
if (isNew) appendFileSync(ledger, key + '\\n');
console.log(isNew ? 'applied' : 'was applied before');
`;

/** A file to which every command of a plan appends the idempotency key of its effect. */
export class EffectLedger {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A command that may be repeated, because it recognises its key; or one that may not. */
  step(id: string, { repeatable }: { readonly repeatable: boolean }): Step {
    const mode = repeatable ? 'once' : 'always';
    const argv = [process.execPath, join(this.folder, 'apply.mjs'), mode, join(this.folder, 'ledger'), this.folder];
    return { ...common(id), kind: 'run', command: { argv, repeatable }, captures: [] };
  }

  /** The keys of all effects that were applied, in order. */
  async applied(): Promise<readonly string[]> {
    const text = await readFile(join(this.folder, 'ledger'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export async function effectLedger(): Promise<EffectLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-ledger-'));
  await writeFile(join(folder, 'apply.mjs'), SCRIPT);
  return new EffectLedger(folder);
}
