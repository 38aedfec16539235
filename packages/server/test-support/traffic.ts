import type { TestSystem } from './test-system.ts';

interface Counts {
  readonly requests: number;
  readonly errors: number;
}

/** One SDK instance: it counts as told, and serves the newest version at once, so that nobody waits for it. */
export class Traffic {
  readonly #system: TestSystem;
  readonly #counted = new Map<string, Counts>();
  #sequence = 0;

  constructor(system: TestSystem) {
    this.#system = system;
  }

  /** Twenty more requests of the candidate, so many of which fail. */
  async report(flag: string, errors: number): Promise<void> {
    const before = this.#counted.get(flag) ?? { requests: 0, errors: 0 };
    const sum = { requests: before.requests + 20, errors: before.errors + errors };
    this.#counted.set(flag, sum);
    this.#sequence += 1;
    const document = (await this.#system.call<{ version: number }>('GET', '/api/v1/flags')).body;
    const candidate = { ...sum, fallbacks: 0, latency: [100, sum.requests] };
    const { status, body } = await this.#system.call('POST', '/api/v1/telemetry', {
      instance: 'test-1',
      service: 'test',
      sequence: this.#sequence,
      servedVersion: document.version,
      flags: { [flag]: { legacy: { ...candidate, errors: 0 }, candidate } },
    });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
}
