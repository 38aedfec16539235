import type { Step, StepCommon } from './plan.ts';
import type { Path } from './problems.ts';
import { readApprove, readStages } from './read-parts.ts';
import { readProbe } from './read-probe.ts';
import { type ReadingContext, requireName } from './reading-context.ts';
import type { StepSource } from './source-schema.ts';
import type { StepPlace } from './step-place.ts';

type Ramp = Omit<Extract<Step, { kind: 'ramp' }>, keyof StepCommon>;

/** A ramp with what its risk lends it, or null after telling what is wrong or missing. */
export function readRamp(context: ReadingContext, place: StepPlace, read: StepSource<'ramp'>): Ramp | null {
  const { path } = place;
  const known = requireName(context, [...path, 'ramp'], 'flag', read.ramp, context.names.flags);
  const gate = readGateOf(context, path, read.gate, `ramp of '${read.ramp}'`);
  const verify = (read.verify ?? []).map((probe, index) => readProbe(context, [...path, 'verify', index], probe));
  const exposures = known ? readExposures(context, place, read) : null;
  if (gate === null || exposures === null || verify.includes(null)) return null;
  const oncePerWindow = read.pace !== undefined;
  if (oncePerWindow && read.window === undefined) {
    const message = `the ramp of '${read.ramp}' has no window to pace it`;
    const mend = "add one, such as 'window: Mon,Wed,Fri 10:00-12:00 UTC'";
    context.problems.add({ path: [...path, 'pace'], code: 'missing-window', message, mend, atKey: true });
  }
  const asked = verify.filter((probe) => probe !== null);
  return { kind: 'ramp', flag: read.ramp, gate, ...exposures, oncePerWindow, verify: asked };
}

type Exposures = Pick<Ramp, 'through' | 'soaksMs' | 'approve'>;

/** What the step says itself goes before what its risk says. Problems of the risk have been told where it stands. */
function readExposures(context: ReadingContext, place: StepPlace, read: StepSource<'ramp'>): Exposures | null {
  const { path, risks } = place;
  const riskName = read.risk ?? place.riskOf(read.ramp);
  const risk = riskName === undefined ? undefined : risks.get(riskName);
  const pathOf = (key: 'through' | 'soak' | 'approve' | 'holdback'): Path =>
    read[key] === undefined ? ['risks', riskName ?? '', key] : [...path, key];
  const through = read.through ?? risk?.through;
  const soak = read.soak ?? risk?.soak;
  if (through === undefined || (soak === undefined && through.some((text) => !/\sfor\s/.test(text)))) {
    const told = [path, ['flags', read.ramp]].some((at) => context.problems.isTouched(at));
    if (riskName === undefined && !told) tellNoExposures(context, path, read);
    return null;
  }
  // Exposures of the step's own are held back only where the step says so.
  const holdback = read.holdback ?? (read.through === undefined ? risk?.holdback : undefined);
  const paths = { through: pathOf('through'), soak: pathOf('soak'), holdback: pathOf('holdback') };
  const stages = readStages(context, paths, { through, soak, holdback });
  const approve = readApprove(context, pathOf('approve'), read.approve ?? risk?.approve);
  return stages === null || approve === undefined ? null : { ...stages, approve };
}

function tellNoExposures({ problems }: ReadingContext, path: Path, read: StepSource<'ramp'>): void {
  const lacking = read.through === undefined ? 'exposures' : 'soak';
  const message = `the ramp of '${read.ramp}' has no ${lacking}`;
  problems.add({
    path,
    code: 'missing-risk',
    message,
    mend: "give its flag a risk, or the step 'through:' and 'soak:'",
  });
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
