import {
  type Arm,
  compileFlags,
  type FlagDefinition,
  type MigrationSetting,
  type MigrationStage,
} from '@theseus/core/flag';
import { type LogEntry, LogGate } from '../src/log-gate.ts';
import { Deadlines } from '../src/migration/deadlines.ts';
import { Migrations } from '../src/migration/migrations.ts';
import { TelemetryCounters } from '../src/telemetry/flag-counters.ts';
import { documentOf, flagOf } from './fake-server.ts';

/** A flag whose candidate arm everybody is on, at the stage. */
export function flagAt(
  stage: MigrationStage,
  setting: Partial<MigrationSetting> = {},
  flag: Partial<FlagDefinition> = {},
): FlagDefinition {
  const migration = { stages: { legacy: 'off', candidate: stage }, compared: 100_000, ...setting } as const;
  return flagOf('moved', { exposure: 100_000, fallback: true, migration, ...flag });
}

/** Migrations without a client around them: flags, chance and clock are the test's. */
export function givenMigrations(flag: FlagDefinition | undefined) {
  const entries: LogEntry[] = [];
  const counters = new TelemetryCounters();
  const world = {
    flags: compileFlags(documentOf(7, flag === undefined ? [] : [flag])),
    random: 0.5,
  };
  const now = () => performance.now();
  const migrations = new Migrations({
    flags: () => world.flags,
    countersOf: (key) => counters.of(key),
    log: new LogGate((entry) => entries.push(entry)),
    random: () => world.random,
    now,
    instance: 'instance',
    deadlines: new Deadlines(now),
  });
  const become = (next: FlagDefinition) => {
    world.flags = compileFlags(documentOf(world.flags.version + 1, [next]));
  };
  const telemetry = () => JSON.parse(counters.changed(1_000_000).json);
  return { migrations, world, become, telemetry, entries, messages: () => entries.map(({ message }) => message) };
}

/** Lets everything happen that is due at once: shadows begin in a later turn of the event loop. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Two sides that note who was called, and fail where they are told to. */
export function givenSides(mode: 'sync' | 'async', fails: Partial<Record<Arm, Error>> = {}) {
  const calls: string[] = [];
  const side = (of: Arm) => (): unknown => {
    calls.push(of);
    const failure = fails[of];
    if (mode === 'async') return failure === undefined ? Promise.resolve(of) : Promise.reject(failure);
    if (failure !== undefined) throw failure;
    return of;
  };
  return { calls, legacy: side('legacy'), candidate: side('candidate') };
}
