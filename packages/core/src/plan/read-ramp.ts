import { EXPOSURE_WHOLE, MIGRATION_STAGES } from '../flag/index.ts';
import type { Step, StepCommon } from './plan.ts';
import type { Path } from './problems.ts';
import { readApprove, readStages } from './read-parts.ts';
import { readProbe } from './read-probe.ts';
import { type ReadingContext, requireName } from './reading-context.ts';
import type { StepSource } from './source-schema.ts';
import type { StepPlace } from './step-place.ts';

type Ramp = Omit<Extract<Step, { kind: 'ramp' }>, keyof StepCommon>;

/** What a ramp and a step of stages share. */
type Climb = Omit<StepSource<'ramp'>, 'ramp'>;

interface Climbing {
  /** The key that the flag is named by. */
  readonly key: 'ramp' | 'stage';
  readonly flag: string;
  /** Exposures where the step names none, before those of the risk. */
  readonly through?: readonly string[];
}

/** A ramp with what its risk lends it, or null after telling what is wrong or missing. */
export function readRamp(context: ReadingContext, place: StepPlace, read: StepSource<'ramp'>): Ramp | null {
  return readClimb(context, place, read, { key: 'ramp', flag: read.ramp });
}

/** A step of stages: a ramp whose two arms are the stage that was reached and the next one. */
export function readStage(context: ReadingContext, place: StepPlace, read: StepSource<'stage'>): Ramp | null {
  const { stage: flag, to } = read;
  // Nobody is answered by the candidate before it is live: only there the exposures of the risk are needed.
  const through = to === 'live' ? {} : { through: ['100%'] };
  const climbed = readClimb(context, place, read, { key: 'stage', flag, ...through });
  if (climbed === null) return null;
  if (climbed.through.at(-1) === EXPOSURE_WHOLE) {
    return { ...climbed, move: { from: MIGRATION_STAGES[MIGRATION_STAGES.indexOf(to) - 1] ?? 'off', to } };
  }
  const at = read.through === undefined ? [...place.path, 'to'] : [...place.path, 'through'];
  const message = `'${flag}' comes to ${to} for ${(climbed.through.at(-1) ?? 0) / 1_000} % only`;
  const mend = "end with 100%, such as 'through: [10%, 50%, 100%]': a stage is reached when everybody is there";
  context.problems.add({ path: at, code: 'unfinished-stage', message, mend });
  return null;
}

function readClimb(
  context: ReadingContext,
  place: StepPlace,
  read: Climb,
  climbing: Climbing,
): Omit<Ramp, 'move'> | null {
  const { path } = place;
  const { key, flag } = climbing;
  const known = requireName(context, [...path, key], 'flag', flag, context.names.flags);
  const gate = readGateOf(context, path, read.gate, `${key} of '${flag}'`);
  const verify = (read.verify ?? []).map((probe, index) => readProbe(context, [...path, 'verify', index], probe));
  const exposures = known ? readExposures(context, place, read, climbing) : null;
  if (gate === null || exposures === null || verify.includes(null)) return null;
  const oncePerWindow = read.pace !== undefined;
  if (oncePerWindow && read.window === undefined) {
    const message = `the ${key} of '${flag}' has no window to pace it`;
    const mend = "add one, such as 'window: Mon,Wed,Fri 10:00-12:00 UTC'";
    context.problems.add({ path: [...path, 'pace'], code: 'missing-window', message, mend, atKey: true });
  }
  const asked = verify.filter((probe) => probe !== null);
  return { kind: 'ramp', flag, gate, ...exposures, oncePerWindow, verify: asked };
}

type Exposures = Pick<Ramp, 'through' | 'soaksMs' | 'approve'>;

/** What the step says itself goes before what its risk says. Problems of the risk have been told where it stands. */
function readExposures(context: ReadingContext, place: StepPlace, read: Climb, climbing: Climbing): Exposures | null {
  const { path, risks } = place;
  const { flag } = climbing;
  const riskName = read.risk ?? place.riskOf(flag);
  const risk = riskName === undefined ? undefined : risks.get(riskName);
  const pathOf = (key: 'through' | 'soak' | 'approve' | 'holdback'): Path =>
    read[key] === undefined ? ['risks', riskName ?? '', key] : [...path, key];
  const through = read.through ?? climbing.through ?? risk?.through;
  const soak = read.soak ?? risk?.soak;
  if (through === undefined || (soak === undefined && through.some((text) => !/\sfor\s/.test(text)))) {
    const told = [path, ['flags', flag]].some((at) => context.problems.isTouched(at));
    const lacking = through === undefined ? 'exposures' : 'soak';
    if ((riskName === undefined || climbing.through !== undefined) && !told) {
      tellMissing(context, path, climbing, lacking);
    }
    return null;
  }
  // Exposures of the step's own are held back only where the step says so; a stage is reached by everybody.
  const isOwn = read.through !== undefined || climbing.key === 'stage';
  const holdback = read.holdback ?? (isOwn ? undefined : risk?.holdback);
  const paths = { through: pathOf('through'), soak: pathOf('soak'), holdback: pathOf('holdback') };
  const stages = readStages(context, paths, { through, soak, holdback });
  const approve = readApprove(context, pathOf('approve'), read.approve ?? risk?.approve);
  return stages === null || approve === undefined ? null : { ...stages, approve };
}

function tellMissing(
  { problems }: ReadingContext,
  path: Path,
  { key, flag }: Climbing,
  lacking: 'exposures' | 'soak',
): void {
  const message = `the ${key} of '${flag}' has no ${lacking}`;
  const mend =
    lacking === 'soak' && key === 'stage'
      ? "give the step a 'soak:', such as 'soak: 1h'"
      : "give its flag a risk, or the step 'through:' and 'soak:'";
  problems.add({ path, code: 'missing-risk', message, mend });
}

/** The gate that judges a step: without one, nothing would. */
export function readGateOf(context: ReadingContext, path: Path, gate: string | undefined, what: string): string | null {
  const { gates } = context.names;
  if (gate !== undefined) return requireName(context, [...path, 'gate'], 'gate', gate, gates) ? gate : null;
  // A misspelt 'gate' has been told.
  if (context.problems.isTouched(path)) return null;
  const [only] = gates;
  const mend = only === undefined ? "define one under 'gates:' and add 'gate: its-name'" : `add 'gate: ${only}'`;
  const message = `the ${what} has no gate: nothing would judge its health`;
  context.problems.add({ path, code: 'missing-gate', message, mend });
  return null;
}
