import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '../ports/database.ts';
import type { Role, TokenHolder, TokenService } from '../ports/token-service.ts';

const PREFIX: Readonly<Record<Role, string>> = { operator: 'ths_op_', sdk: 'ths_sdk_' };

export interface NewTokens {
  readonly operator: string;
  readonly sdk: string;
}

/** Bearer tokens: 192 random bits behind a recognisable prefix; only their SHA-256 is stored. */
export class TokenStore implements TokenService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Looks the hash up, so that no comparison ever sees a stored secret. */
  async authenticate(token: string): Promise<TokenHolder | null> {
    const { rows } = await this.#database.query<TokenHolder>(
      'select name, role, hash as key from theseus.token where hash = $1',
      [hashOf(token)],
    );
    return rows[0] ?? null;
  }

  async bearers(): Promise<readonly TokenHolder[]> {
    const { rows } = await this.#database.query<TokenHolder>('select name, role, hash as key from theseus.token');
    return rows;
  }

  /**
   * Keeps the first operator and sdk tokens; false when there are tokens already.
   *
   * `offer` makes them, and may write them down where their owner finds them: it has ended before they count.
   */
  async createFirst(offer: () => Promise<NewTokens>): Promise<boolean> {
    return this.#database.transaction(async (client) => {
      await client.query('lock table theseus.token in exclusive mode');
      const { rows } = await client.query('select from theseus.token limit 1');
      if (rows.length > 0) return false;
      const tokens = await offer();
      await client.query(
        `insert into theseus.token (hash, name, role) values ($1, 'operator', 'operator'), ($2, 'sdk', 'sdk')`,
        [hashOf(tokens.operator), hashOf(tokens.sdk)],
      );
      return true;
    });
  }
}

export function newTokens(): NewTokens {
  return { operator: newToken('operator'), sdk: newToken('sdk') };
}

function newToken(role: Role): string {
  return PREFIX[role] + randomBytes(24).toString('base64url');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
