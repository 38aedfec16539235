import { vi } from 'vitest';
import { main } from '../src/main.ts';

export interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line in this process, and tells what it printed and how it ended. */
export async function theseus(...args: readonly string[]): Promise<Ended> {
  let [out, err] = ['', ''];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text);
      return true;
    }),
  ];
  const before = process.exitCode;
  try {
    await main(['node', 'theseus', ...args]);
    return { code: process.exitCode, out, err };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/** What a command printed with `--json`, line by line. */
export function lines({ out }: Ended): readonly Readonly<Record<string, unknown>>[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}
