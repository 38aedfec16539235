import { TheseusError } from '@theseus/core/error';

/** What a person can do, by the code of PostgreSQL or of the network. */
const MENDS: Readonly<Record<string, string>> = {
  '28P01': 'its password is wrong: correct it in DATABASE_URL or --database-url',
  '28000': 'it does not let this user in: look at the user in DATABASE_URL and at pg_hba.conf',
  '3D000': "there is no such database: make it with 'createdb', or correct the name in DATABASE_URL",
  '53300': 'it has no connection left: raise max_connections, or run fewer servers and workers',
  '57P03': 'it is just starting or stopping: try again in a moment',
  ECONNREFUSED: 'nothing listens there: start PostgreSQL, or correct DATABASE_URL or --database-url',
  ECONNRESET: 'it cut the connection: look whether PostgreSQL listens there, and at its log',
  ENOENT: 'there is no such socket: start PostgreSQL, or correct DATABASE_URL or --database-url',
  ENOTFOUND: 'there is no such host: correct it in DATABASE_URL or --database-url',
  EAI_AGAIN: 'the name of its host cannot be looked up: correct it in DATABASE_URL, or look at the name server',
  EHOSTUNREACH: 'there is no way to its host: correct DATABASE_URL, or look at the network',
  ENETUNREACH: 'there is no way to its host: correct DATABASE_URL, or look at the network',
  ETIMEDOUT: 'its host does not answer: correct DATABASE_URL, or look at the network and its firewalls',
};

/** As pg tells that it waited for a connection, or for an answer, in vain; and that the connection was cut. */
const SILENT = /timeout exceeded when trying to connect|Connection terminated|Query read timeout/;

/**
 * Why a database cannot be used, and the mend, told without its password; undefined when something else is wrong.
 *
 * @param connectionString the address that was tried
 */
export function unreachableDatabase(connectionString: string, error: unknown): TheseusError | undefined {
  const causes = [...causesOf(error)];
  const code = causes.map(codeOf).find((each) => Object.hasOwn(MENDS, each));
  const isSilent = causes.some(({ message }) => SILENT.test(message));
  if (code === undefined && !isSilent) return undefined;
  const why = MENDS[code ?? 'ETIMEDOUT'];
  return new TheseusError('unreachable', `Cannot use PostgreSQL at ${shownAddress(connectionString)}, ${why}`, {
    cause: error,
  });
}

/** Host, port and database, and nothing that could be a secret. */
function shownAddress(connectionString: string): string {
  if (!URL.canParse(connectionString)) return 'the given address';
  const { hostname, port, pathname, searchParams } = new URL(connectionString);
  const host = hostname === '' ? (searchParams.get('host') ?? 'localhost') : hostname;
  return `${host}:${port === '' ? '5432' : port}${pathname}`;
}

/** A host with several addresses fails with an error for each of them. */
function* causesOf(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return;
  yield error;
  if (error instanceof AggregateError) for (const each of error.errors) yield* causesOf(each);
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : '';
}
