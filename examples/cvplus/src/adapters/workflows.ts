import type { Arm } from '@theseus/core/flag';
import type { TheseusClient } from '@theseus/sdk';
import type { Pool } from 'pg';

/** Carries one workflow a stage further: stage by stage, on the arm it is asked on. */
export type Advance = (arm: Arm, user: string, after: string) => Promise<WorkflowStep>;

export interface WorkflowStep {
  readonly stage: string;
  readonly published: boolean;
}

export interface WorkflowOptions {
  readonly theseus: Pick<TheseusClient, 'migration'>;
  readonly pool: Pool;
  readonly advance: Advance;
}

export interface WorkflowCounts {
  readonly inFlight: number;
  readonly finished: number;
  /** Finished on the arm they began on, although new work of the same user had gone to the other by then. */
  readonly outlivedMove: number;
  /** Did steps on both arms. None should. */
  readonly mixed: number;
}

interface Work {
  readonly pin: string;
  readonly stage: string;
}

const FLAG = 'recommendation-orchestrator';
const LETTERS = { legacy: 'l', candidate: 'c' } as const;

/** The workflow service: a workflow is a row, and beside it lies the pin that keeps it on the arm it began on. */
export function workflows({ theseus, pool, advance }: WorkflowOptions) {
  const on = (arm: Arm) => async (work: { readonly user: string; readonly after: string }) => ({
    arm,
    ...(await advance(arm, work.user, work.after)),
  });
  const steps = theseus.migration(FLAG, { read: { legacy: on('legacy'), candidate: on('candidate') } });
  return {
    migration: steps,
    async answer(user: string): Promise<WorkflowStep> {
      const context = { userId: user };
      const { pin, stage } = await beginOrFind(pool, user, () => steps.pin(context));
      const { arm, ...step } = await steps.read(context, { user, after: stage }, { pin });
      const isElsewhere = steps.stage(context) !== steps.stage(context, { pin });
      await keepStep(pool, { user, before: stage, step, letter: LETTERS[arm], isElsewhere });
      return step;
    },
    counts: () => countWorkflows(pool),
  };
}

/** Of two requests that begin at once the first one's pin holds. */
async function beginOrFind(pool: Pool, user: string, pin: () => string): Promise<Work> {
  const find = () => pool.query<Work>('select pin, stage from workflows where subject = $1', [user]);
  const known = (await find()).rows[0];
  if (known !== undefined) return known;
  await pool.query('insert into workflows (subject, pin) values ($1, $2) on conflict do nothing', [user, pin()]);
  return (await find()).rows[0] ?? { pin: pin(), stage: '' };
}

interface DoneStep {
  readonly user: string;
  readonly before: string;
  readonly step: WorkflowStep;
  readonly letter: string;
  readonly isElsewhere: boolean;
}

/** Does nothing where another request did the same step first: a step counts once. */
async function keepStep(pool: Pool, { user, before, step, letter, isElsewhere }: DoneStep): Promise<void> {
  if (!step.published) {
    const move = 'update workflows set stage = $3, arms = arms || $4 where subject = $1 and stage = $2';
    await pool.query(move, [user, before, step.stage, letter]);
    return;
  }
  await pool.query(
    `with done as (delete from workflows where subject = $1 and stage = $2 returning arms)
     insert into finished_workflows (arms, outlived_move) select arms || $3, $4 from done`,
    [user, before, letter, isElsewhere],
  );
}

async function countWorkflows(pool: Pool): Promise<WorkflowCounts> {
  const { rows } = await pool.query<WorkflowCounts>(
    `select (select count(*)::int from workflows) as "inFlight",
            count(*)::int as finished,
            count(*) filter (where outlived_move)::int as "outlivedMove",
            count(*) filter (where arms like '%l%' and arms like '%c%')::int as mixed
     from finished_workflows`,
  );
  return rows[0] ?? { inFlight: 0, finished: 0, outlivedMove: 0, mixed: 0 };
}
