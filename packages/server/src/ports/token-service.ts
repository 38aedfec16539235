export type Role = 'operator' | 'sdk';

export interface TokenHolder {
  readonly name: string;
  readonly role: Role;
}

/** Knows the bearer of a token; null for an unknown one. Compares hashes in constant time. */
export interface TokenService {
  authenticate(token: string): Promise<TokenHolder | null>;
}
