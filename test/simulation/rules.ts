import { observe, resumeWatch, type Watch, type WatchTarget } from '@theseus/core/health';
import { decide, nextWakeAt, startRun, watchTargets } from '@theseus/core/rollout';

/** What the model plays with: the product's own rules, and the promises of its store. A mutant breaks one of them. */
export interface Rules {
  readonly startRun: typeof startRun;
  readonly decide: typeof decide;
  readonly observe: typeof observe;
  readonly nextWakeAt: typeof nextWakeAt;
  readonly watchTargets: typeof watchTargets;
  /** The memory a look goes on from. */
  readonly watchBefore: (remembered: Watch | undefined, target: WatchTarget, now: number) => Watch;
  /** Whether a driver that holds the epoch may write under the run's present one. */
  readonly mayWrite: (epoch: number, current: number) => boolean;
  /** Whether jobs and timers become visible together with the events that ask for them. */
  readonly enqueuesInTransaction: boolean;
  /** Whether a job whose worker died is given to another. */
  readonly returnsLostJobs: boolean;
  /** Whether it is written down that an effect was begun. */
  readonly marksBegun: boolean;
  readonly remembersCommands: boolean;
  /** Whether an exposure counts as confirmed only when every live instance serves it. */
  readonly waitsForInstances: boolean;
}

export const PRODUCT_RULES: Rules = {
  startRun,
  decide,
  observe,
  nextWakeAt,
  watchTargets,
  watchBefore: (remembered, target, now) => resumeWatch(target, remembered, now),
  mayWrite: (epoch, current) => epoch === current,
  enqueuesInTransaction: true,
  returnsLostJobs: true,
  marksBegun: true,
  remembersCommands: true,
  waitsForInstances: true,
};
