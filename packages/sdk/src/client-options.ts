import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from '@theseus/core/flag';
import { consoleLog, type Log } from './log-gate.ts';

export interface TheseusOptions {
  /** The server's address, such as `http://127.0.0.1:4780`; a path in it is kept. */
  readonly url: string | URL;
  /** A token of the role `sdk`. */
  readonly token: string;
  /** A readable name of the program, such as `front`: how the server tells instances apart for people. */
  readonly service: string;
  /**
   * Whose flags are answered from, such as `staging`: kebab-case, at most 60 characters; `default` unless given. An
   * environment that the server does not know has no flags, so everybody takes legacy.
   */
  readonly environment?: string;
  /** Where the last known flags are kept, to answer when the server is away at start; nowhere unless given. */
  readonly cacheFolder?: string;
  /** Used instead of Node's own client. Its connections may keep the process alive. */
  readonly fetch?: typeof globalThis.fetch;
  /** Gets each trouble once, and once that it is over; unless given, troubles go to the console. */
  readonly log?: Log;
}

/** The options after every one of them was checked and defaulted. */
export interface ResolvedOptions {
  readonly url: URL;
  readonly token: string;
  readonly service: string;
  readonly environment: string;
  readonly cacheFolder: string | undefined;
  readonly fetch: typeof globalThis.fetch | undefined;
  readonly log: Log;
}

/** @throws TheseusError `invalid-argument` naming the option that cannot be used */
export function resolveOptions(options: TheseusOptions): ResolvedOptions {
  const { token, service, environment = DEFAULT_ENVIRONMENT, cacheFolder, fetch, log = consoleLog } = options;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TheseusError(
      'invalid-argument',
      'Cannot use the token: it must be visible ASCII characters and not empty',
    );
  }
  if (typeof service !== 'string' || service === '' || service.length > 200) {
    throw new TheseusError(
      'invalid-argument',
      `Cannot use the service name '${service}': it must have 1 to 200 characters`,
    );
  }
  if (typeof environment !== 'string' || !isEnvironmentName(environment)) {
    throw new TheseusError('invalid-argument', environmentNameProblem(String(environment)));
  }
  return { url: resolveUrl(options.url), token, service, environment, cacheFolder, fetch, log };
}

function resolveUrl(given: string | URL): URL {
  const text = String(given);
  if (!URL.canParse(text)) throw new TheseusError('invalid-argument', `Cannot use the address '${text}': it is no URL`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TheseusError('invalid-argument', `Cannot use the address '${text}': it must begin with http: or https:`);
  }
  url.search = '';
  url.hash = '';
  // Without the slash, relative paths would replace the last part of a base path.
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
