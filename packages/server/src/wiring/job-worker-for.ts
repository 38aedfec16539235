import { EffectExecutor, type EffectRunners } from '../engine/effect-executor.ts';
import { COMMAND_TASK, EFFECT_TASK } from '../engine/effect-task.ts';
import { type RunEngine, TIMER_TASK } from '../engine/run-engine.ts';
import { JobWorker, type Task } from '../graphile-worker/job-worker.ts';
import type { Database } from '../ports/database.ts';
import type { Machine, MachineRegister } from '../ports/machine.ts';
import type { RunStore } from '../postgres/run-store.ts';

export interface JobWorkerParts {
  readonly machine: Machine;
  readonly register: MachineRegister;
  readonly database: Database;
  readonly runs: RunStore;
  readonly engine: RunEngine;
  readonly runners: EffectRunners;
  /** Whether effects that run commands are taken here: to run them or, where nobody else could, to refuse them. */
  readonly takesCommands: boolean;
  readonly onProblem: (message: string) => void;
}

const JOB_CONCURRENCY = 10;

/** What a machine takes from the queue: a server wakes runs, and whoever works effects carries out what it may. */
export function jobWorkerFor(parts: JobWorkerParts): JobWorker {
  const { machine, register, database, runs, engine, runners, onProblem } = parts;
  const executor = new EffectExecutor({ machineId: machine.machineId, database, runs, engine, runners });
  const effect: Task = (payload, claim) => {
    const { runId, effectId } = payload as { runId: string; effectId: string };
    return executor.execute(runId, effectId, claim);
  };
  const timer: Task = async (payload) => {
    await engine.handle((payload as { runId: string }).runId, { kind: 'timer' });
  };
  return new JobWorker({
    database,
    register,
    concurrency: JOB_CONCURRENCY,
    onProblem,
    tasks: {
      ...(machine.kind === 'server' ? { [TIMER_TASK]: timer } : {}),
      ...(machine.worksEffects ? { [EFFECT_TASK]: effect } : {}),
      ...(machine.worksEffects && parts.takesCommands ? { [COMMAND_TASK]: effect } : {}),
    },
  });
}
