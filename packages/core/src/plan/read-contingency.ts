import { type Gate, isJudgedGate } from '../health/index.ts';
import type { Contingency, ContingencyAction, RollbackPolicy } from './plan.ts';
import type { Path } from './problems.ts';
import { readDuration } from './quantities.ts';
import { readGate } from './read-parts.ts';
import { readFollowUp, readMessageTo } from './read-undo.ts';
import { type ReadingContext, requireName } from './reading-context.ts';
import type { ContingencySource, RollbackSource } from './source-schema.ts';

/** What is done when something comes true, or null after telling what is wrong with it. */
export function readContingency(context: ReadingContext, name: string, source: ContingencySource): Contingency | null {
  const path = ['contingencies', name];
  const flag = source.flag ?? null;
  if (flag !== null) requireName(context, [...path, 'flag'], 'flag', flag, context.names.flags);
  const gate = source.when === undefined ? null : readTrigger(context, path, source.when, source);
  const actions = source.do.map((action, index) => readAction(context, [...path, 'do', index], action));
  const cooldownMs =
    source.again === undefined ? null : readDuration(context.problems, [...path, 'again'], source.again);
  if (context.problems.isTouched(path)) return null;
  const whole = actions.filter((action) => action !== null);
  return { name, title: source.title ?? name, gate, flag, actions: whole, cooldownMs };
}

/** The condition as a gate of one rule; its action says only that it holds. */
function readTrigger(context: ReadingContext, path: Path, when: string, source: ContingencySource): Gate | null {
  const { every, minSample, flag } = source;
  const gate = readGate(context, String(path[1]), { every, minSample, rules: [{ [when]: 'warn' }] }, [...path, 'when']);
  const signal = gate?.rules[0]?.condition.signal;
  if (gate !== null && isJudgedGate(gate)) {
    const message = `a contingency goes by readings: there is no ramp along which evidence for '${when}' could gather`;
    context.problems.add({
      path: [...path, 'when'],
      code: 'not-comparable',
      message,
      mend: "write a bound, such as 'errors > 5%'",
    });
  }
  const kind = signal === undefined ? undefined : context.names.readSignals.get(signal)?.source.kind;
  if ((kind === 'telemetry' || kind === 'goal') && flag === undefined) {
    const what = kind === 'goal' ? 'a goal' : kind;
    const message = `'${signal}' is ${what}, and no flag is named whose traffic is meant`;
    context.problems.add({ path, code: 'missing-flag', message, mend: "add 'flag: its-key'", atKey: true });
  }
  return gate;
}

function readAction(
  context: ReadingContext,
  path: Path,
  source: ContingencySource['do'][number],
): ContingencyAction | null {
  if (!('rollback' in source)) return readFollowUp(context, path, source);
  const known = requireName(context, [...path, 'rollback'], 'flag', source.rollback, context.names.flags);
  return known ? { kind: 'rollback', flag: source.rollback } : null;
}

export function readRollbackPolicy(context: ReadingContext, source: RollbackSource | undefined): RollbackPolicy {
  const afterwards = (source?.afterwards ?? []).map((action, index) =>
    readFollowUp(context, ['rollback', 'afterwards', index], action),
  );
  const escalate = source?.escalate;
  if (escalate !== undefined) readMessageTo(context, ['rollback', 'escalate'], escalate);
  return {
    afterwards: afterwards.filter((action) => action !== null),
    escalate: escalate === undefined ? null : { channel: escalate.notify, message: escalate.message },
  };
}
