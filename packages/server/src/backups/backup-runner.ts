import { BACKUP_PROGRAM } from '@theseus/core/plan';
import type { EffectResult } from '@theseus/core/rollout';
import type { EffectContext, EffectRunner } from '../ports/effect-runner.ts';
import { type BackupFile, checkedFile, fileName, type Kept } from './backup-files.ts';
import type { BackupSettings, BackupWork } from './backup-work.ts';
import { exportOverHttp } from './http-export.ts';
import { dumpDatabase, restoreDatabase, tryRestore } from './postgres-backup.ts';

const TIMEOUT_MS = 3_600_000;

/** What one command of a built-in backup asks for. */
interface BackupOrder {
  readonly verb: string;
  readonly way: string;
  readonly name: string;
  /** A database or an address; references in it are filled in here. */
  readonly place: string;
  readonly file: string;
  readonly sha256: string;
}

interface Done {
  readonly summary: string;
  readonly captures?: Readonly<Record<string, string>>;
}

/** Makes, proves and puts back the backups that plans name by `postgres` or `http`; leaves all other commands to another runner. */
export function backupRunner(settings: BackupSettings, others: EffectRunner): EffectRunner {
  return {
    run: async (effect, context): Promise<EffectResult> => {
      if (effect.request.kind !== 'command' || effect.request.argv[0] !== BACKUP_PROGRAM)
        return others.run(effect, context);
      const startedAt = settings.now();
      const order = orderOf(effect.request.argv);
      const took = (): number => Math.round(settings.now() - startedAt);
      const failed = (why: string): EffectResult => ({
        outcome: 'failed',
        summary: `backup ${order.name}: ${why}`,
        durationMs: took(),
      });
      if (settings.folder === undefined) {
        return failed('this worker keeps no backups: start it with --backups FOLDER, and --allow-run');
      }
      const timeout = AbortSignal.timeout(effect.timeoutMs ?? TIMEOUT_MS);
      const signal = AbortSignal.any([timeout, context.signal]);
      try {
        const done = await carriedOut(
          { ...settings, folder: settings.folder, signal, idempotencyKey: context.idempotencyKey },
          order,
          context,
        );
        return { outcome: 'succeeded', durationMs: took(), ...done, summary: `backup ${order.name}: ${done.summary}` };
      } catch (error) {
        if (timeout.aborted) return failed('not done in time');
        throw error;
      }
    },
  };
}

function orderOf(argv: readonly string[]): BackupOrder {
  const [, verb = '', way = '', name = '', place = '', file = '', sha256 = ''] = argv;
  return { verb, way, name, place, file, sha256 };
}

async function carriedOut(work: BackupWork, order: BackupOrder, { runId }: EffectContext): Promise<Done> {
  const isPostgres = order.way === 'postgres';
  if (order.verb === 'make') {
    const file = fileName(order.name, runId, isPostgres ? 'dump' : 'export', new Date(work.now()));
    const kept = isPostgres
      ? await dumpDatabase(work, order.place, file)
      : await exportOverHttp(work, order.place, file);
    return { summary: `file ${file}, ${inWords(kept)}`, captures: capturesOf(order.name, file, kept) };
  }
  const checked = await checkedFile(work.folder, order);
  if (!isPostgres) return { summary: `file ${order.file} is as it was made, ${inWords(checked)}` };
  if (order.verb === 'restore') {
    await restoreDatabase(work, order.place, checked);
    return { summary: `put back from ${order.file}, ${inWords(checked)}` };
  }
  await tryRestore(work, order.place, checked);
  return { summary: `restored into a scratch database and counted, ${inWords(checked)}; the scratch database is gone` };
}

function capturesOf(name: string, file: string, { sha256, bytes }: Kept): Readonly<Record<string, string>> {
  const word = name.replace(/[^\w-]/g, '_');
  return { [`${word}_backup`]: file, [`${word}_sha256`]: sha256, [`${word}_bytes`]: String(bytes) };
}

function inWords({ bytes, sha256, rows }: BackupFile | Kept): string {
  const tables = rows === undefined ? [] : Object.values(rows);
  const counted =
    rows === undefined ? '' : `, ${tables.length} tables, ${tables.reduce((sum, one) => sum + one, 0)} rows`;
  return `${bytes} bytes, sha256 ${sha256}${counted}`;
}
