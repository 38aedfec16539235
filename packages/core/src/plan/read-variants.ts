import { CONTROL, EXPOSURE_WHOLE, type FlagVariant, PER_CALL, VARIANT_LIMIT, VARIANT_NAME } from '../flag/index.ts';
import { suggest } from './did-you-mean.ts';
import type { PlanFlag } from './plan.ts';
import type { Path } from './problems.ts';
import { readPercent } from './quantities.ts';
import type { ReadingContext } from './reading-context.ts';
import type { FlagSource } from './source-schema.ts';

type Experiment = Pick<PlanFlag, 'by' | 'variants' | 'metrics'>;

/** What a flag is bucketed by, how its candidate is divided, and what is measured of it. */
export function readExperiment(context: ReadingContext, path: Path, source: FlagSource): Experiment {
  const { by, variants, metrics } = source;
  if (by === PER_CALL) checkPerCall(context, path, source);
  return {
    ...(by === undefined ? {} : { by }),
    ...(variants === undefined ? {} : { variants: readVariants(context, [...path, 'variants'], variants) }),
    ...(metrics === undefined ? {} : { metrics: readMetrics(context, [...path, 'metrics'], metrics) }),
  };
}

/** Nobody is met twice by a flag that decides call by call. */
function checkPerCall({ problems }: ReadingContext, path: Path, source: FlagSource): void {
  for (const key of ['include', 'exclude', 'metrics'] as const) {
    if (source[key] === undefined) continue;
    const message = `'by: ${PER_CALL}' decides anew at each call, so '${key}' could name nobody`;
    const mend = `remove '${key}', or write 'by:' with an attribute that stays, such as requestId`;
    problems.add({ path: [...path, key], code: 'nobody-to-name', message, mend, atKey: true });
  }
}

function readVariants(
  context: ReadingContext,
  path: Path,
  source: NonNullable<FlagSource['variants']>,
): readonly FlagVariant[] {
  const names = Array.isArray(source) ? source : Object.keys(source);
  checkNames(context, path, names, { isList: Array.isArray(source) });
  if (Array.isArray(source)) return evenly(names);
  const weights = Object.entries(source).map(([name, text]) => ({
    name,
    weight: readPercent(context.problems, [...path, name], text),
  }));
  const whole = weights.flatMap(({ name, weight }) => (weight === null ? [] : [{ name, weight }]));
  if (whole.length < weights.length) return [];
  const sum = whole.reduce((total, { weight }) => total + weight, 0);
  if (sum !== EXPOSURE_WHOLE) {
    const message = `the variants are ${sum / 1_000}% together`;
    const mend = `let them be 100%, or write 'variants: [${names.join(', ')}]' for equal parts`;
    context.problems.add({ path, code: 'invalid-variants', message, mend, atKey: true });
  }
  return whole;
}

function checkNames(
  { problems }: ReadingContext,
  path: Path,
  names: readonly string[],
  { isList }: { readonly isList: boolean },
): void {
  const tell = (index: number, message: string, mend: string): void =>
    problems.add({
      path: [...path, isList ? index : (names[index] ?? '')],
      code: 'invalid-variants',
      message,
      mend,
      atKey: !isList,
    });
  for (const [index, name] of names.entries()) {
    if (name === CONTROL)
      tell(index, `'${CONTROL}' is the control, whoever is not on the candidate`, 'give the variant another name');
    else if (!VARIANT_NAME.test(name))
      tell(index, `'${name}' cannot name a variant`, 'write it in kebab-case, such as short-reply');
    else if (names.indexOf(name) < index) tell(index, `'${name}' stands here twice`, 'name it once');
  }
  if (names.length <= VARIANT_LIMIT) return;
  const message = `${names.length} variants are too many`;
  problems.add({ path, code: 'too-many', message, mend: `${VARIANT_LIMIT} is the most`, atKey: true });
}

/** Equal parts; the last takes what cannot be divided. */
function evenly(names: readonly string[]): readonly FlagVariant[] {
  const weight = Math.floor(EXPOSURE_WHOLE / names.length);
  const last = names.length - 1;
  return names.map((name, index) => ({ name, weight: index === last ? EXPOSURE_WHOLE - last * weight : weight }));
}

function readMetrics({ problems, names }: ReadingContext, path: Path, metrics: readonly string[]): readonly string[] {
  const signals = names.readSignals;
  for (const [index, name] of metrics.entries()) {
    const at = [...path, index];
    const signal = signals.get(name);
    if (signal === undefined && !names.uncertain.has('signals')) {
      const known = [...signals].flatMap(([key, read]) => (read?.source.kind === 'goal' ? [key] : []));
      problems.add({
        path: at,
        code: 'unknown-signal',
        message: `unknown signal '${name}'`,
        mend: suggest(name, known),
      });
    } else if (signal && signal.source.kind !== 'goal') {
      const message = `'${name}' is ${signal.source.kind}, and no goal that users reach`;
      problems.add({ path: at, code: 'not-a-goal', message, mend: "name a signal like '{ goal: replied }'" });
    } else if (metrics.indexOf(name) < index) {
      problems.add({
        path: at,
        code: 'duplicate-metric',
        message: `'${name}' stands here twice`,
        mend: 'name it once',
      });
    }
  }
  return metrics;
}
