import type { Arm } from '@theseus/core/flag';
import type { RepairQueue, TheseusClient } from '@theseus/sdk';
import type { Pool } from 'pg';
import type { ServerName, ServiceName } from '../services/service-catalog.ts';
import type { ProfileStore } from '../stores/profile.ts';
import { bookings } from './bookings.ts';
import { profileCache } from './profile-cache.ts';
import { type WorkflowStep, workflows } from './workflows.ts';

/** Asks a service that is a program of its own, on one arm. */
export type AskServer = (service: ServerName, arm: Arm, user: string, after?: string) => Promise<unknown>;

export interface AdapterOptions {
  readonly theseus: Pick<TheseusClient, 'route' | 'migration'>;
  readonly ask: AskServer;
  readonly pool: Pool;
  readonly legacyCache: ProfileStore;
  readonly candidateCache: ProfileStore;
  readonly repairs: RepairQueue;
  readonly beforeAnnouncement?: (arm: Arm) => void;
}

/** How each service answers for a user: on the arm that its flag says. */
export type Answers = Readonly<Record<ServiceName, (user: string) => Promise<unknown>>>;

export type Adapters = ReturnType<typeof createAdapters>;

/** The seven services behind their adapters: everything that is special about one of them is here and in the files beside. */
export function createAdapters({ theseus, ask, pool, legacyCache, candidateCache, repairs, ...rest }: AdapterOptions) {
  const on = (service: ServerName, arm: Arm) => (user: string) => ask(service, arm, user);
  const both = (service: ServerName) => ({ legacy: on(service, 'legacy'), candidate: on(service, 'candidate') });
  const routed = (service: ServerName) => async (user: string) =>
    theseus.route(
      service,
      { userId: user },
      {
        legacy: () => ask(service, 'legacy', user),
        candidate: () => ask(service, 'candidate', user),
      },
    );
  // Their answers are compared, and a breaker keeps calls from a candidate that fails.
  const analyzer = theseus.migration('cv-analyzer', { read: both('cv-analyzer') });
  const generator = theseus.migration('recommendation-generator', { read: both('recommendation-generator') });
  const cache = profileCache({ theseus, legacy: legacyCache, candidate: candidateCache, repairs });
  const orchestrator = workflows({
    theseus,
    pool,
    advance: (arm, user, after) => ask('recommendation-orchestrator', arm, user, after) as Promise<WorkflowStep>,
  });
  const actions = bookings({ theseus, pool, repairs, ...rest });
  const answers: Answers = {
    'cv-analyzer': (user) => analyzer.read({ userId: user }, user),
    'improvement-orchestrator': routed('improvement-orchestrator'),
    'cache-manager': cache.answer,
    'recommendation-generator': (user) => generator.read({ userId: user }, user),
    'circuit-breaker': routed('circuit-breaker'),
    'recommendation-orchestrator': orchestrator.answer,
    'action-orchestrator': actions.answer,
  };
  const breakers = {
    'cv-analyzer': analyzer,
    'cache-manager': cache.migration,
    'recommendation-generator': generator,
    'recommendation-orchestrator': orchestrator.migration,
    'action-orchestrator': actions.migration,
  };
  return { answers, analyzer, generator, cache, orchestrator, actions, breakers };
}
