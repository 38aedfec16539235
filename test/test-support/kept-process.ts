import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../packages/cli/bin/theseus.js', import.meta.url));
/** A start that fails, because PostgreSQL is away just now, is repeated after so long. */
const AGAIN_MS = 200;

export interface Tokens {
  readonly operator: string;
  readonly sdk: string;
}

interface Fact {
  readonly kind: string;
  readonly operator?: string;
  readonly sdk?: string;
  readonly machineId?: string;
}

/** A server or worker of Theseus as a real process, started again whenever it ends, until it is stopped. */
export class KeptProcess {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #folder: string;
  readonly #onTokens: (tokens: Tokens) => void;
  readonly #complaints: string[] = [];
  #child: ChildProcess | null = null;
  #isReady = false;
  #isStopping = false;
  #starts = 0;

  constructor(
    name: string,
    args: readonly string[],
    { folder, onTokens = () => undefined }: { readonly folder: string; readonly onTokens?: (tokens: Tokens) => void },
  ) {
    this.name = name;
    this.#args = args;
    this.#folder = folder;
    this.#onTokens = onTokens;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Of its present life. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get starts(): number {
    return this.#starts;
  }

  /** What it wrote to its error output lately, over all its lives. */
  get complaints(): readonly string[] {
    return this.#complaints.slice(-40);
  }

  start(): void {
    if (this.#isStopping) return;
    this.#starts += 1;
    const child = spawn(process.execPath, [PROGRAM, ...this.#args, '--json'], {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(JSON.parse(line) as Fact));
    createInterface({ input: child.stderr }).on('line', (line) => void this.#complaints.push(line));
    child.once('exit', () => {
      this.#isReady = false;
      if (!this.#isStopping) setTimeout(() => this.start(), AGAIN_MS);
    });
  }

  /** Sends it a signal, if it lives. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await exited;
  }

  #heard(fact: Fact): void {
    if (fact.kind === 'tokens') this.#onTokens({ operator: fact.operator ?? '', sdk: fact.sdk ?? '' });
    if (fact.kind === 'serving' || fact.kind === 'working') this.#isReady = true;
  }
}
