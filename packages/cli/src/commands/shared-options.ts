import { userInfo } from 'node:os';
import { TheseusError } from '@theseus/core/error';
import { type Command, InvalidArgumentError } from 'commander';

/** Options of every command that talks to a server. */
export interface ServerOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
  readonly json?: boolean;
}

export function withServerOptions(command: Command): Command {
  return command
    .option('--url <url>', "the server's address (THESEUS_URL)")
    .option('--token <token>', 'the operator token (THESEUS_TOKEN)')
    .option('--data <folder>', 'the .theseus folder of a server on this machine')
    .option('--json', 'print NDJSON');
}

/** The options of a server and `--environment`, which `--env` names too, as elsewhere. */
export function withEnvironment(command: Command, absent: string): Command {
  return withServerOptions(command).option('--env, --environment <environment>', `the environment; ${absent}`);
}

/** `--set name=value`, again and again. */
export function collectVariable(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`write it as name=value, not '${text}'.`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What `--plan-variable` means, for the help of each command that has it. */
export const PLAN_VARIABLE =
  'let plans read this environment variable in addresses, besides those that begin with THESEUS_PLAN_; may be repeated';

/** `--plan-variable NAME`, again and again. */
export function collectVariableName(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^\w+$/.test(text)) throw new InvalidArgumentError('write the name of an environment variable.');
  return [...before, text];
}

/** `--cors-origin https://…`, again and again. */
export function collectOrigin(text: string, before: readonly string[] = []): readonly string[] {
  if (!URL.canParse(text) || new URL(text).origin !== text) {
    throw new InvalidArgumentError('write scheme, host and port as browsers do, such as https://app.example.');
  }
  return [...before, text];
}

export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export function wholeNumber(text: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new InvalidArgumentError('write a whole number.');
  return number;
}

export function factor(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number < 1) throw new InvalidArgumentError('write a number from 1 on.');
  return number;
}

/** Who acts: `--as`, or the user of this machine. */
export function personName(given: string | undefined): string {
  if (given !== undefined) return given;
  try {
    return process.env['USER'] ?? userInfo().username;
  } catch {
    return 'operator';
  }
}

export function requireReason(reason: string | undefined, verb: string): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw new TheseusError('invalid-argument', `'${verb}' needs a reason, which stays in the record: add --reason 'why'`);
}
