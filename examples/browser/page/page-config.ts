/** What the page is told by the server it came from. */
export interface PageConfig {
  /** Where Theseus is. */
  readonly theseus: string;
  /** Lets this page evaluate flags for a while, and nothing else. */
  readonly pass: string;
  readonly flag: string;
}

/** A pass is good for an hour: another one is fetched well before. */
const FRESH_MS = 30 * 60_000;

let known: { readonly config: PageConfig; readonly at: number } | null = null;

/** The configuration, with a pass that is good for a while yet. */
export async function pageConfig(): Promise<PageConfig> {
  if (known !== null && performance.now() - known.at < FRESH_MS) return known.config;
  const answer = await fetch('/config.json');
  if (!answer.ok) throw new Error(`The page's server answered ${answer.status} to /config.json`);
  known = { config: (await answer.json()) as PageConfig, at: performance.now() };
  return known.config;
}
