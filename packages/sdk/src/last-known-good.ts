import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, type FlagDocument, parseFlagDocument } from '@theseus/core/flag';
import type { LogGate } from './log-gate.ts';

/** The file in the cache folder; other environments than `default` have one each, with their name in it. */
export const LAST_KNOWN_GOOD_FILE = 'theseus-flags.json';

const FORMAT = 'theseus-flags/1';
/** Changes within this time are written once. */
const COALESCE_MS = 1000;
const FILE_LIMIT_BYTES = 128 * 1024 * 1024;

interface StoredFlags {
  readonly format: typeof FORMAT;
  /** The server these flags came from: a copy of another one's must not be served. */
  readonly url: string;
  /** The environment they belong to; `default` where it is left out. */
  readonly environment?: string;
  /** SHA-256 of the document's JSON. */
  readonly checksum: string;
  readonly document: FlagDocument;
}

type Origin = Required<Pick<StoredFlags, 'url' | 'environment'>>;

/** The copy on disk that answers when the server is away at start. Whatever the disk does, evaluation goes on. */
export class LastKnownGood {
  readonly #folder: string;
  readonly #path: string;
  readonly #origin: Origin;
  readonly #log: LogGate;
  #next: (() => FlagDocument) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(folder: string, url: string, log: LogGate, environment = DEFAULT_ENVIRONMENT) {
    this.#folder = folder;
    this.#path = join(folder, fileOf(environment));
    this.#origin = { url, environment };
    this.#log = log;
  }

  /** The document on disk; undefined, with a line in the log, when there is none that can be trusted. */
  read(): FlagDocument | undefined {
    const path = this.#path;
    try {
      if (statSync(path).size > FILE_LIMIT_BYTES) throw new Error('it is too large');
      return trusted(JSON.parse(readFileSync(path, 'utf8')), this.#origin);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.trouble('copy-read', `Ignored the copy of the flags in ${path}: ${errorText(error)}`, error);
      }
      return undefined;
    }
  }

  /** Writes the document a little later, once for all changes until then. */
  saveSoon(document: () => FlagDocument): void {
    this.#next = document;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.flush(), COALESCE_MS);
    this.#timer.unref();
  }

  /** Writes now what waits to be written. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    // Another call that waited for the same may be writing what was left.
    if (this.#next === undefined) return this.#writing;
    const document = this.#next();
    this.#next = undefined;
    this.#writing = this.#write(document);
    await this.#writing;
  }

  async #write(document: FlagDocument): Promise<void> {
    const path = this.#path;
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeDurably(temporary, storedText(document, this.#origin));
      await rename(temporary, path);
      this.#log.recovered('copy-write', `The copy of the flags in ${path} is written again`);
    } catch (error) {
      this.#log.trouble('copy-write', `Cannot keep a copy of the flags in ${path}: ${errorText(error)}`, error);
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }
}

/** Without the sync, a power cut could leave the new name on an empty file. */
async function writeDurably(path: string, text: string): Promise<void> {
  // Overrides may name people: for the owner's eyes only.
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function fileOf(environment: string): string {
  return environment === DEFAULT_ENVIRONMENT ? LAST_KNOWN_GOOD_FILE : `theseus-flags.${environment}.json`;
}

function storedText(document: FlagDocument, { url, environment }: Origin): string {
  const json = JSON.stringify(document);
  const origin = `"url":${JSON.stringify(url)},"environment":${JSON.stringify(environment)}`;
  return `{"format":${JSON.stringify(FORMAT)},${origin},"checksum":"${checksumOf(json)}","document":${json}}\n`;
}

function trusted(json: unknown, { url, environment }: Origin): FlagDocument {
  const stored = (typeof json === 'object' && json !== null ? json : {}) as Partial<Record<keyof StoredFlags, unknown>>;
  if (stored.format !== FORMAT) throw new Error(`it is not of the format ${FORMAT}`);
  if (stored.url !== url) throw new Error('it came from another server');
  if ((stored.environment ?? DEFAULT_ENVIRONMENT) !== environment) throw new Error('it belongs to another environment');
  if (stored.checksum !== checksumOf(JSON.stringify(stored.document))) throw new Error('its checksum does not match');
  const parsed = parseFlagDocument(stored.document);
  if (parsed.kind === 'invalid') throw new Error(parsed.reason);
  return parsed.document;
}

function checksumOf(json: string | undefined): string {
  return createHash('sha256')
    .update(json ?? '')
    .digest('hex');
}
