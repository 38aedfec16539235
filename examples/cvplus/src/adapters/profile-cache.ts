import { dualCache, type RepairQueue, type TheseusClient } from '@theseus/sdk';
import { hashOf } from '../seeded-random.ts';
import type { Profile, ProfileStore } from '../stores/profile.ts';

export interface ProfileCacheOptions {
  readonly theseus: Pick<TheseusClient, 'migration'>;
  readonly legacy: ProfileStore;
  readonly candidate: ProfileStore;
  readonly repairs: RepairQueue;
}

const FLAG = 'cache-manager';
/** Long enough for most visits to find what an earlier one left, short enough to see entries end. */
const LIFE_MS = 60_000;
/** A user changes their profile once in so many visits. */
const VISITS_PER_CHANGE = 10;

/** The cache service: two stores behind one name. Which of them answers is the flag's business, and nothing here asks for it. */
export function profileCache({ theseus, legacy, candidate, repairs }: ProfileCacheOptions) {
  const profiles = dualCache<Profile>(theseus, FLAG, {
    legacy,
    candidate,
    repairs,
    // An entry that only one store has is a miss, which costs time; two that both have and that differ are a fault.
    compare: (old, fresh) => old === undefined || fresh === undefined || old.edition === fresh.edition,
  });
  let visits = 0;
  return {
    stats: profiles.stats,
    migration: profiles.migration,
    async answer(user: string): Promise<{ readonly profile: Profile; readonly hit: boolean }> {
      visits += 1;
      const context = { userId: user };
      const known = await profiles.get(context, user);
      const isChange = hashOf(`${user} ${visits}`) % VISITS_PER_CHANGE === 0;
      if (known !== undefined && !isChange) return { profile: known, hit: true };
      const profile = { name: `profile-${hashOf(user).toString(16)}`, edition: (known?.edition ?? 0) + 1 };
      await profiles.set(context, user, profile, LIFE_MS);
      return { profile, hit: known !== undefined };
    },
  };
}
