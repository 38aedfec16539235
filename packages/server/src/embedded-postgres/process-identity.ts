import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A process id with the moment its process began, since the system gives the ids of dead processes to new ones. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In a form of the operating system's own, to be compared and nothing else; empty when it is unknown. */
  readonly began: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  return { pid: process.pid, began: (await processBegan(process.pid)) ?? '' };
}

/** True while exactly this process lives: a zombie is dead, and a newer process with the same id is another one. */
export async function isSameProcessAlive(identity: ProcessIdentity): Promise<boolean> {
  if (!(await isAlive(identity.pid))) return false;
  const began = await processBegan(identity.pid);
  return began === null || identity.began === '' || began === identity.began;
}

/** True while a process with this id lives. A zombie counts as dead: it will never run again. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  const state = (await linuxStat(pid))?.[0];
  return state !== 'Z' && state !== 'X';
}

/** The arguments with which a living process was started, joined by NUL or spaces; null when there is none. */
export async function commandLine(pid: number): Promise<readonly string[] | null> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
    return text === null || text === '' ? null : text.split('\0');
  }
  const text = await ps(pid, 'command=');
  return text === null ? null : text.split(' ');
}

async function processBegan(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  // Field 22 of the line, thus the 20th after the name.
  return (await linuxStat(pid))?.[19] ?? null;
}

/** The fields of /proc/<pid>/stat that follow the process name, which may itself hold spaces and parentheses. */
async function linuxStat(pid: number): Promise<readonly string[] | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function ps(pid: number, column: string): Promise<string | null> {
  try {
    const { stdout } = await run('ps', ['-ww', '-o', column, '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout.trim() === '' ? null : stdout.trim();
  } catch {
    return null;
  }
}
