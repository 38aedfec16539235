import type { ServiceFactory } from './service-behaviour.ts';

const STAGES = ['gather', 'draft', 'rank', 'review', 'publish'] as const;

type Stage = (typeof STAGES)[number];

/** Carries a workflow one stage further, and begins a new one after the last stage. Where a workflow stands, the caller keeps. */
export const recommendationOrchestrator: ServiceFactory = (arm) => {
  const next = arm === 'legacy' ? byBranches : byOrder;
  return {
    answer: (_user, after) => {
      const stage = next(STAGES.find((known) => known === after));
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
