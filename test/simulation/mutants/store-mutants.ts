import { broken, type Mutant } from './mutant.ts';

export const STORE_MUTANTS: Readonly<Record<string, Mutant>> = {
  'stale-lease-writes': {
    breaks: 'a driver whose lease has passed to another may still write',
    caughtBy: ['fenced'],
    rules: broken({ mayWrite: () => true }),
  },
  'jobs-after-commit': {
    breaks: 'jobs are enqueued after the transaction, so that a crash between loses them',
    caughtBy: ['ends', 'rollback-ends', 'time-out-ends'],
    rules: broken({ enqueuesInTransaction: false }),
  },
  'lost-jobs-stay-lost': {
    breaks: 'a job whose worker died is given to nobody else',
    caughtBy: ['ends', 'rollback-ends'],
    rules: broken({ returnsLostJobs: false }),
  },
  'begun-not-marked': {
    breaks: 'a command that was cut off is run again though that is not safe',
    caughtBy: ['executed-once'],
    rules: broken({ marksBegun: false }),
  },
  'commands-repeated': {
    breaks: 'a request that is sent again is obeyed again',
    caughtBy: ['command-once'],
    rules: broken({ remembersCommands: false }),
  },
  'instances-not-awaited': {
    breaks: 'a rollback counts as done before the instances serve it',
    caughtBy: ['rollback-truly-ended'],
    rules: broken({ waitsForInstances: false }),
  },
  'never-wakes': {
    breaks: 'nothing is woken by time',
    caughtBy: ['ends', 'rollback-ends', 'descent-ends'],
    rules: broken({ nextWakeAt: () => null }),
  },
};
