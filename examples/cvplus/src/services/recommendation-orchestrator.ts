import type { ServiceFactory } from './service-behaviour.ts';

/** How many unfinished workflows are remembered at most; the oldest are dropped and begin anew. */
const WORKFLOW_LIMIT = 5_000;

const STAGES = ['gather', 'draft', 'rank', 'review', 'publish'] as const;

type Stage = (typeof STAGES)[number];

/** Carries each user's workflow one stage further per call, and begins a new one after the last stage. */
export const recommendationOrchestrator: ServiceFactory = (arm) => {
  const after = arm === 'legacy' ? byBranches : byOrder;
  const workflows = new Map<string, Stage>();
  return {
    answer: (user) => {
      const stage = after(workflows.get(user));
      workflows.delete(user);
      if (stage !== 'publish') workflows.set(user, stage);
      if (workflows.size > WORKFLOW_LIMIT) dropOldest(workflows);
      return { stage, published: stage === 'publish' };
    },
  };
};

/** The old way. */
function byBranches(stage: Stage | undefined): Stage {
  switch (stage) {
    case undefined:
    case 'publish':
      return 'gather';
    case 'gather':
      return 'draft';
    case 'draft':
      return 'rank';
    case 'rank':
      return 'review';
    case 'review':
      return 'publish';
  }
}

/** The new way: the order of the list is the workflow. */
function byOrder(stage: Stage | undefined): Stage {
  const index = stage === undefined ? -1 : STAGES.indexOf(stage);
  return STAGES[(index + 1) % STAGES.length] ?? 'gather';
}

function dropOldest(workflows: Map<string, Stage>): void {
  for (const user of workflows.keys()) {
    workflows.delete(user);
    return;
  }
}
