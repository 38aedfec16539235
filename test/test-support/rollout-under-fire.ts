import type { Gate } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import { findBrokenLink, type RecordedEvent } from '@theseus/core/rollout';
import { phase, plan, ramp, rollbackNow, rule } from '../../packages/core/test-support/given-plan.ts';
import type { EffectLedger } from './effect-ledger.ts';
import type { PatientOperator } from './patient-operator.ts';

const gate: Gate = {
  name: 'standard',
  everyMs: 500,
  minSample: 3,
  rules: [rule({ text: 'errors > 5%' }, rollbackNow)],
};
/** `partial` says that a person has skipped a step which they saw was done. */
export const GOOD_ENDS: readonly string[] = ['succeeded', 'partial'];
const SOAK_MS = 1_000;

/** A small rollout: a command that may not be repeated, a ramp under a gate, and a command that may. */
export function smallRollout(name: string, ledger: EffectLedger): Plan {
  return plan(
    [
      phase('prepare', [ledger.step('prepare/save', { repeatable: false })]),
      phase('move', [ramp('move', name, { soakMs: SOAK_MS })], ['prepare']),
      phase('finish', [ledger.step('finish/clean', { repeatable: true })], ['move']),
    ],
    { name, gates: { standard: gate } },
  );
}

/** Does what a person on call does for a run until it has ended; resolves to its outcome. */
export async function attend(runId: string, operator: PatientOperator, ledger: EffectLedger): Promise<string> {
  for (;;) {
    const view = await operator.view(runId);
    if (view.status === 'finished' && view.outcome !== null) return view.outcome;
    if (view.status === 'paused') await operator.command(runId, { verb: 'resume' });
    const held = view.phases.flatMap(({ steps }) => steps).find(({ hold }) => hold !== null);
    if (held?.hold?.reason === 'outcome-unknown') await settleUnknown(runId, held.id, operator, ledger);
    else if (held?.hold?.reason === 'command-failed') await operator.command(runId, { verb: 'retry', stepId: held.id });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The server cannot know whether a command that was cut off was done: a person looks, as the product asks for. */
async function settleUnknown(
  runId: string,
  stepId: string,
  operator: PatientOperator,
  ledger: EffectLedger,
): Promise<void> {
  const isDone = (await ledger.applied()).some((key) => key.startsWith(`${runId}/${stepId}#`));
  await operator.command(runId, { verb: isDone ? 'skip' : 'retry', stepId });
}

/** What is wrong with a run that has ended, in words; empty when nothing is. */
export function faultsOf(
  runId: string,
  log: readonly RecordedEvent[],
  { applied, acknowledged }: { readonly applied: readonly string[]; readonly acknowledged: readonly RecordedEvent[] },
): readonly string[] {
  const faults: string[] = [];
  const broken = findBrokenLink(log);
  if (broken !== null) faults.push(`the log of ${runId} is broken at ${broken.seq}: ${broken.why}`);
  const hashes = new Set(log.map(({ hash }) => hash));
  for (const event of acknowledged.filter((promised) => promised.runId === runId))
    if (!hashes.has(event.hash)) faults.push(`event ${event.seq} of ${runId} was acknowledged and is not in the log`);
  for (const step of ['prepare/save', 'finish/clean']) {
    const times = applied.filter((key) => key.startsWith(`${runId}/${step}#`)).length;
    if (times !== 1) faults.push(`${step} of ${runId} was applied ${times} times`);
  }
  const finished = log.flatMap(({ event }) => (event.type === 'effect.finished' ? event.effectId : []));
  for (const effectId of finished)
    if (finished.indexOf(effectId) !== finished.lastIndexOf(effectId))
      faults.push(`the result of ${effectId} of ${runId} counted twice`);
  return faults;
}
