export type Role = 'operator' | 'sdk';

export interface TokenHolder {
  readonly name: string;
  /** `browser` for a pass that the holder of an SDK's token wrote for pages. */
  readonly role: Role | 'browser';
  /** Known to this installation and, by the token, to its bearer alone. Signs, and is never shown. */
  readonly key: string;
  /** The only environment it may ask about; any where it is left out. */
  readonly environment?: string;
}

/** Knows the bearer of a token; null for an unknown one. Secrets are looked up by their hash, never compared. */
export interface TokenService {
  authenticate(token: string): Promise<TokenHolder | null>;
  /** The bearers of all tokens, which are few. */
  bearers(): Promise<readonly TokenHolder[]>;
}
