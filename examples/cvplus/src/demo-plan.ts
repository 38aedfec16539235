import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { compressPlan, formatDiagnostic, type Plan, parsePlan, planHash } from '@theseus/core/plan';

/** The plan as it is run: checked, with the demo's addresses filled in, its time compressed. */
export interface DemoPlan {
  readonly plan: Plan;
  readonly hash: string;
  /** How long all soaks take together, in milliseconds of the demo. */
  readonly soakMs: number;
  readonly stages: number;
}

/** Reads the plan file. Throws with every problem in it, should there be any. */
export async function loadDemoPlan(
  file: string,
  variables: Readonly<Record<string, string>>,
  pace: number,
): Promise<DemoPlan> {
  const { plan, diagnostics } = parsePlan(await readFile(file, 'utf8'), { file: basename(file), variables });
  if (plan === null) throw new Error(`the plan cannot be used:\n${diagnostics.map(formatDiagnostic).join('\n')}`);
  const compressed = compressPlan(plan, pace);
  const ramps = compressed.phases.flatMap(({ steps }) => steps).filter((step) => step.kind === 'ramp');
  return {
    plan: compressed,
    hash: planHash(compressed),
    soakMs: ramps.reduce((sum, { soaksMs }) => soaksMs.reduce((all, soakMs) => all + soakMs, sum), 0),
    stages: ramps.reduce((sum, { through }) => sum + through.length, 0),
  };
}
