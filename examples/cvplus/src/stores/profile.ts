/** What the cache keeps of a user. */
export interface Profile {
  readonly name: string;
  /** Grows whenever the profile changes, so that an old copy can be told from a new one. */
  readonly edition: number;
}

/** A cache of profiles, as `dualCache` of the SDK wants its two stores. */
export interface ProfileStore {
  get(key: string): Promise<Profile | undefined>;
  set(key: string, value: Profile, ttlMs?: number): Promise<void>;
  delete(key: string): Promise<void>;
  ttl(key: string): Promise<number | undefined>;
}
