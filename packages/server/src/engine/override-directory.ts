import { TheseusError } from '@theseus/core/error';
import { type Arm, DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { RolloutEvent } from '@theseus/core/rollout';
import type { Database } from '../ports/database.ts';
import type {
  FlagAddress,
  OverrideList,
  OverrideRequest,
  OverrideService,
  SubjectOverride,
} from '../ports/override-service.ts';
import type { CommandOutcome, RunService } from '../ports/run-service.ts';
import type { FlagStore } from '../postgres/flag-store.ts';
import type { RunStore } from '../postgres/run-store.ts';

export interface OverrideDirectoryParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly flags: FlagStore;
  readonly directory: Pick<RunService, 'command'>;
}

type Overridden = Extract<RolloutEvent, { readonly type: 'flag.overridden' }>;

/** Finds the run that has a flag, and asks it. */
export class OverrideDirectory implements OverrideService {
  readonly #parts: OverrideDirectoryParts;

  constructor(parts: OverrideDirectoryParts) {
    this.#parts = parts;
  }

  async change({
    subjects,
    to,
    asCohort,
    actor,
    reason,
    commandId,
    ...address
  }: OverrideRequest): Promise<CommandOutcome> {
    return this.#parts.directory.command({
      runId: await this.#owner(address),
      verb: { verb: 'override', flag: address.flag, subjects, to, ...(asCohort ? { asCohort } : {}) },
      actor,
      reason,
      ...(commandId === undefined ? {} : { commandId }),
    });
  }

  async list(address: FlagAddress): Promise<OverrideList> {
    const { database, runs } = this.#parts;
    const runId = await this.#owner(address);
    const overrides = (await runs.read(database, runId))?.state.flags[address.flag]?.overrides;
    if (overrides === undefined) return { runId, overrides: [] };
    const decided = lastDecisions(await runs.eventsOfType(database, runId, 'flag.overridden'), address.flag);
    const shown = (arm: Arm): readonly SubjectOverride[] =>
      overrides[arm].map((subject) => ({ subject, arm, ...(decided.get(subject) ?? EARLIER) }));
    const all = [...shown('candidate'), ...shown('legacy')];
    return { runId, overrides: all.toSorted((left, right) => (left.at ?? 0) - (right.at ?? 0)) };
  }

  async #owner({ flag, environment }: FlagAddress): Promise<string> {
    const runId = (await this.#parts.flags.owners(this.#parts.database, environment, [flag])).get(flag);
    if (runId !== undefined) return runId;
    const place = environment === DEFAULT_ENVIRONMENT ? '' : ` in environment '${environment}'`;
    throw new TheseusError(
      'not-found',
      `No run has had a flag '${flag}'${place}: \`theseus status\` shows those there are`,
    );
  }
}

const EARLIER = { by: null, reason: null, at: null };

function lastDecisions(
  events: readonly Overridden[],
  flag: string,
): ReadonlyMap<string, Pick<SubjectOverride, 'by' | 'reason' | 'at'>> {
  const decided = new Map<string, Pick<SubjectOverride, 'by' | 'reason' | 'at'>>();
  for (const event of events) {
    if (event.flag !== flag) continue;
    const { at, reason } = event;
    for (const subject of event.subjects) decided.set(subject, { by: event.actor.name, reason, at });
  }
  return decided;
}
