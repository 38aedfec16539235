import { type Actor, ENGINE } from '@theseus/core/rollout';
import type { Client, Database } from '../ports/database.ts';
import type { SystemState, SystemSwitchService } from '../ports/system-switch.ts';
import type { RunStore } from '../postgres/run-store.ts';
import { SystemPauseStore } from '../postgres/system-pause-store.ts';
import type { RunEngine } from './run-engine.ts';

export interface SystemSwitchParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly engine: RunEngine;
}

/**
 * Pauses and resumes everything with one call. The switch itself is one row that a new run reads in its own
 * transaction; each run that goes on already is told through the one write path, and told again should a server die
 * between the two.
 */
export class SystemSwitch implements SystemSwitchService {
  readonly #parts: SystemSwitchParts;
  readonly #store = new SystemPauseStore();

  constructor(parts: SystemSwitchParts) {
    this.#parts = parts;
  }

  async pause(actor: Actor, reason: string): Promise<SystemState> {
    await this.#store.pause(this.#parts.database, actor.name, reason);
    await this.#tell(actor, reason);
    return this.state();
  }

  async resume(actor: Actor, reason: string): Promise<SystemState> {
    await this.#store.resume(this.#parts.database);
    await this.#tell(actor, reason);
    return this.state();
  }

  async state(): Promise<SystemState> {
    const { database, runs } = this.#parts;
    const pause = await this.#store.current(database);
    return { paused: pause !== null, pause, runs: await runs.unfinished(database) };
  }

  /** Brings every run into line with the switch, in case whoever turned it did not get that far. */
  async reconcile(): Promise<void> {
    await this.#tell(ENGINE, 'the switch of the whole system says so');
  }

  async #tell(actor: Actor, reason: string): Promise<void> {
    const { database, runs, engine } = this.#parts;
    const verb = (await this.#store.current(database)) === null ? 'resume' : 'pause';
    for (const runId of await runs.unfinished(database)) {
      const known = (await runs.read(database, runId))?.state;
      if (known === undefined || known.pausedBy.includes('system') === (verb === 'pause')) continue;
      const command = { verb: { verb, scope: 'system' }, actor, reason } as const;
      // A server that was stopped since it looked at the switch must not bring back what it saw then.
      const isCurrent = async (client: Client): Promise<boolean> =>
        ((await this.#store.current(client)) === null) === (verb === 'resume');
      await engine.handle(runId, { kind: 'command', command }, { isCurrent });
    }
  }
}
