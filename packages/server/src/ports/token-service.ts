export type Role = 'operator' | 'sdk';

export interface TokenHolder {
  readonly name: string;
  readonly role: Role;
}

/** Knows the bearer of a token; null for an unknown one. Secrets are looked up by their hash, never compared. */
export interface TokenService {
  authenticate(token: string): Promise<TokenHolder | null>;
}
