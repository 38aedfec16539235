import type { Plan } from '@theseus/core/plan';
import type { Load } from '@theseus/core/simulate';
import { InvalidArgumentError, Option } from 'commander';
import { wholeNumber } from './shared-options.ts';

export interface TrafficOptions {
  readonly users?: number;
  readonly requests?: number;
}

/** Where neither the plan nor who asks says how much traffic there is. */
const ASSUMED: Load = { users: 10_000, requestsPerUserMinute: 1 };

export function usersOption(): Option {
  const meaning = "people whom a flag at 100 % reaches; the plan's own traffic where absent, or 10000";
  return new Option('--users <number>', meaning).argParser(atLeastOne);
}

export function requestsOption(): Option {
  const meaning = "requests that each of them makes in a minute; the plan's own traffic where absent, or 1";
  return new Option('--requests <number>', meaning).argParser(positive);
}

/** What is asked for, or what the plan expects, and whether that is but an assumption. */
export function expectedLoad(
  { traffic }: Plan,
  { users, requests }: TrafficOptions,
): { readonly load: Load; readonly isAssumed: boolean } {
  const known = traffic ?? ASSUMED;
  const load = { users: users ?? known.users, requestsPerUserMinute: requests ?? known.requestsPerUserMinute };
  return { load, isAssumed: traffic === undefined && users === undefined };
}

function atLeastOne(text: string): number {
  const number = wholeNumber(text);
  if (number < 1) throw new InvalidArgumentError('write a whole number from 1 on.');
  return number;
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError('write a number above 0.');
  return number;
}
