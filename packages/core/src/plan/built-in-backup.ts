import type { Capture, Command, Undo } from './plan.ts';

/** What stands for a program in commands that workers carry out themselves; no program on a PATH has such a name. */
export const BACKUP_PROGRAM = 'theseus:backup';

/** How a plan asks for a backup that Theseus makes itself. */
export type BackupWay =
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'postgres'; readonly database: string };

export interface BuiltInBackup {
  readonly command: Command;
  readonly captures: readonly Capture[];
  /** Proves the backup: restored into a scratch database and counted, or its checksum taken again. */
  readonly verify: Command;
}

/** The way that a step's keys name; undefined for a backup by a command. */
export function backupWay({
  postgres,
  http,
}: {
  readonly postgres?: unknown;
  readonly http?: unknown;
}): BackupWay | undefined {
  if (typeof postgres === 'string') return { kind: 'postgres', database: postgres };
  return typeof http === 'string' ? { kind: 'http', url: http } : undefined;
}

/** The commands of a built-in backup. They are safe to repeat: a file is new each time, and a scratch database too. */
export function builtInBackup(name: string, way: BackupWay): BuiltInBackup {
  const [file, sha256] = artefactNames(name);
  const proof = [`\${{ ${file} }}`, `\${{ ${sha256} }}`];
  return {
    command: builtIn('make', name, way, []),
    captures: [
      { name: file, pattern: 'file (\\S+)' },
      { name: sha256, pattern: 'sha256 ([0-9a-f]{64})' },
    ],
    verify: builtIn('verify', name, way, proof),
  };
}

/** Puts a database back as the backup has it; undefined for what no machine can put back. */
export function restoreBackup(name: string, way: BackupWay): Undo | undefined {
  if (way.kind === 'http') return undefined;
  const [file, sha256] = artefactNames(name);
  const command = builtIn('restore', name, way, [`\${{ ${file} }}`, `\${{ ${sha256} }}`]);
  return { alternatives: [command], attempts: 1, onlyIf: null, rehearsable: false };
}

/** The artefacts of a built-in backup: its file, and that file's SHA-256. */
export function artefactNames(name: string): readonly [string, string] {
  const word = name.replace(/[^\w-]/g, '_');
  return [`${word}_backup`, `${word}_sha256`];
}

function builtIn(verb: 'make' | 'restore' | 'verify', name: string, way: BackupWay, more: readonly string[]): Command {
  const place = way.kind === 'http' ? way.url : way.database;
  return { argv: [BACKUP_PROGRAM, verb, way.kind, name, place, ...more], repeatable: true };
}
