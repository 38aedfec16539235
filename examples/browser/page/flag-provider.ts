import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import type { Provider } from '@openfeature/react-sdk';
import { pageConfig } from './page-config.ts';

/** The stock provider: it evaluates once for the user of the page, and again whenever the server says that flags changed. */
export function flagProvider(theseus: string): Provider {
  const provider = new OFREPWebProvider({
    baseUrl: theseus,
    headersFactory: async () => [['authorization', `Bearer ${(await pageConfig()).pass}`]],
    // Passes change while what they may see does not: answers from before are found under the next one too.
    cacheKeyGenerator: ({ url, domain, targetingKey }) => JSON.stringify([url, domain, targetingKey]),
    // For the hours in which a proxy lets no stream through.
    pollInterval: 30_000,
  });
  return provider as Provider;
}
