import { errorText } from '@theseus/core/error';
import type { Database } from '../../ports/database.ts';
import { CHECKS, type Check, type DoctorService, type Finding } from '../../ports/doctor.ts';
import { type SeenMachine, seenMachines } from '../../postgres/machine-store.ts';
import type { RunStore } from '../../postgres/run-store.ts';
import type { ReadAll } from '../driver.ts';
import { examineDatabase } from './examine-database.ts';
import { examineClocks, examineCommands, examineMachines } from './examine-machines.ts';
import { examineChannels, examineSources, type RunningPlan } from './examine-plans.ts';
import { examineJobs, examineLeases } from './examine-work.ts';
import { findingsOf } from './findings.ts';

export interface DoctorParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly readAll: ReadAll;
  readonly fillSecrets: (text: string) => string;
  readonly now: () => number;
}

/** Examines the whole system from one machine: all that the others are is in the database. */
export class Doctor implements DoctorService {
  readonly #parts: DoctorParts;

  constructor(parts: DoctorParts) {
    this.#parts = parts;
  }

  async examine(checks: readonly Check[] = CHECKS): Promise<readonly Finding[]> {
    const database = await examineDatabase(this.#parts.database);
    const asked = CHECKS.filter((check) => check !== 'database' && checks.includes(check));
    // Without a database there is nothing to be said of the rest.
    if (database.some(({ status }) => status === 'fail')) return database;
    const machines = await seenMachines(this.#parts.database);
    const running = await this.#running(asked);
    const findings: Finding[] = checks.includes('database') ? [...database] : [];
    for (const check of asked) findings.push(...(await this.#findings(check, machines, running)));
    return findings;
  }

  async #findings(
    check: Check,
    machines: readonly SeenMachine[],
    running: readonly RunningPlan[],
  ): Promise<readonly Finding[]> {
    try {
      return await this.#one(check, machines, running);
    } catch (error) {
      return [findingsOf(check).fail(`could not be examined: ${errorText(error)}`, "see the server's log")];
    }
  }

  async #one(
    check: Check,
    machines: readonly SeenMachine[],
    running: readonly RunningPlan[],
  ): Promise<readonly Finding[]> {
    const { database, readAll, fillSecrets, now } = this.#parts;
    switch (check) {
      case 'database':
        return examineDatabase(database);
      case 'clocks':
        return examineClocks(database, machines, now);
      case 'machines':
        return examineMachines(machines);
      case 'commands':
        return examineCommands(database, machines);
      case 'leases':
        return examineLeases(database, machines);
      case 'jobs':
        return examineJobs(database);
      case 'sources':
        return examineSources(running, readAll, now());
      case 'channels':
        return examineChannels(running, fillSecrets);
    }
  }

  async #running(checks: readonly Check[]): Promise<readonly RunningPlan[]> {
    if (!checks.includes('sources') && !checks.includes('channels')) return [];
    const { database, runs } = this.#parts;
    const running: RunningPlan[] = [];
    for (const runId of await runs.unfinished(database)) {
      const stored = await runs.read(database, runId);
      if (stored !== null) running.push({ runId, plan: stored.state.plan });
    }
    return running;
  }
}
