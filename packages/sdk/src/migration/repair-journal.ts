import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve as resolvePath } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { type JournalLock, lockJournal } from './journal-lock.ts';
import { JOURNAL_FORMAT, type JournalRecord, readJournal, writeRecord } from './journal-record.ts';
import { queueFull, REPAIRS_MOST } from './memory-repair-queue.ts';
import { RepairLines } from './repair-lines.ts';
import type { PendingRepair, Repair, RepairLine, RepairOutcome, RepairQueue } from './repair-queue.ts';

const REPAIR_BYTES_MOST = 256 * 1024;
const COMPACT_FROM_BYTES = 1024 * 1024;

export interface RepairJournalOptions {
  /** How many repairs it holds, given-up ones included; 10 000 unless given. */
  readonly limit?: number;
  /** The journal is written anew once it has this size and doubled since the last time; 1 MiB unless given. */
  readonly compactFromBytes?: number;
}

/** A line that waits to be written, and what follows once it is safe. */
interface Append {
  readonly text: string;
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens a queue of repairs that outlives the process: an append-only file with a checksum a line, flushed to the disk before a repair counts
 * as kept. One process at a time.
 *
 * @throws TheseusError `folder-in-use` when another process has it open, `corrupt-record` when it was damaged otherwise than by a cut
 * @example const repairs = await openRepairJournal('/var/lib/shop/orders.repairs')
 */
export async function openRepairJournal(path: string, options: RepairJournalOptions = {}): Promise<RepairQueue> {
  const place = resolvePath(path);
  await mkdir(dirname(place), { recursive: true });
  const lock = await lockJournal(place);
  try {
    return await RepairJournal.open(place, lock, options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class RepairJournal implements RepairQueue {
  readonly #path: string;
  readonly #lock: JournalLock;
  readonly #limit: number;
  readonly #compactFromBytes: number;
  readonly #lines = new RepairLines();
  #file: FileHandle;
  #bytes = 0;
  #compactAtBytes = 0;
  #appends: Append[] = [];
  /** Adds that are on their way and not in the lines yet. */
  #adding = 0;
  #writing: Promise<void> | undefined;
  /** Why nothing can be written any more. */
  #broken: Error | undefined;
  #isClosed = false;

  private constructor(path: string, lock: JournalLock, file: FileHandle, options: RepairJournalOptions) {
    this.#path = path;
    this.#lock = lock;
    this.#file = file;
    this.#limit = options.limit ?? REPAIRS_MOST;
    this.#compactFromBytes = options.compactFromBytes ?? COMPACT_FROM_BYTES;
  }

  static async open(path: string, lock: JournalLock, options: RepairJournalOptions): Promise<RepairJournal> {
    // 'a+' makes the file where there is none; its owner alone may read what is in the payloads.
    await (await open(path, 'a+', 0o600)).close();
    const file = await open(path, 'r+');
    try {
      const { records, wholeBytes } = readJournal(await file.readFile(), path);
      const journal = new RepairJournal(path, lock, file, options);
      for (const record of records) journal.#apply(record);
      await journal.#begin(wholeBytes);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async add(repair: Repair, options?: { readonly givenUp?: boolean }): Promise<void> {
    if (this.#lines.count + this.#adding >= this.#limit) throw queueFull(this.#limit);
    const record: JournalRecord = { kind: 'add', repair, ...(options?.givenUp === true ? { givenUp: true } : {}) };
    const text = writeRecord(record);
    const bytes = Buffer.byteLength(text);
    if (bytes > REPAIR_BYTES_MOST) {
      throw new TheseusError(
        'limit-exceeded',
        `Cannot keep a repair of ${bytes} bytes: at most ${REPAIR_BYTES_MOST}; let the payload name the data instead of holding them`,
      );
    }
    this.#adding += 1;
    try {
      // Read back from its text: what is repeated after a restart must be what is repeated before one.
      await this.#append(text, () => this.#apply(JSON.parse(text.slice(9)) as JournalRecord));
    } finally {
      this.#adding -= 1;
    }
  }

  take(nowMs: number, mayBeTaken: (repair: Repair) => boolean): PendingRepair | undefined {
    return this.#lines.take(nowMs, mayBeTaken);
  }

  first(line: RepairLine): PendingRepair | undefined {
    return this.#lines.first(line);
  }

  /** Out of the queue at once; were the line lost with the process, the repair would be repeated, which its key allows. */
  async done(id: string): Promise<void> {
    if (!this.#lines.remove(id)) return;
    await this.#append(writeRecord({ kind: 'done', id }), nothing);
  }

  async failed(id: string, outcome: RepairOutcome): Promise<void> {
    if (outcome.kind === 'given-up') {
      if (this.#lines.giveUp(id)) await this.#append(writeRecord({ kind: 'given-up', id }), nothing);
      return;
    }
    const repair = this.#lines.retry(id, outcome.retryAtMs, outcome);
    if (repair === undefined || !('payload' in outcome)) return;
    await this.#append(writeRecord({ kind: 'changed', id, payload: repair.payload }), nothing);
  }

  size(flag?: string): { readonly pending: number; readonly failed: number } {
    return this.#lines.size(flag);
  }

  nextDueMs(mayBeTaken: (repair: Repair) => boolean): number | undefined {
    return this.#lines.nextDueMs(mayBeTaken);
  }

  givenUp(): readonly Repair[] {
    return this.#lines.givenUp();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writing;
    await this.#file.close();
    await this.#lock.release();
  }

  #apply(record: JournalRecord): void {
    switch (record.kind) {
      case 'begin':
        return;
      case 'add':
        return record.givenUp === true ? this.#lines.addGivenUp(record.repair) : this.#lines.add(record.repair);
      case 'changed':
        this.#lines.retry(record.id, Number.NEGATIVE_INFINITY, record);
        return;
      case 'given-up':
        this.#lines.giveUp(record.id);
        return;
      case 'done':
        this.#lines.remove(record.id);
        return;
    }
  }

  /** Takes off what was cut, so that the next line does not continue it. */
  async #begin(wholeBytes: number): Promise<void> {
    this.#bytes = wholeBytes;
    await this.#file.truncate(wholeBytes);
    if (wholeBytes === 0) await this.#writeDurably(writeRecord({ kind: 'begin', format: JOURNAL_FORMAT }));
    await syncFolder(this.#path);
    this.#compactAtBytes = Math.max(this.#compactFromBytes, this.#bytes);
  }

  #append(text: string, apply: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new TheseusError('invalid-state', `Cannot write to the journal of repairs ${this.#path}: it is closed`));
        return;
      }
      this.#appends.push({ text, apply, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  /** One flush of the disk for all that came while the last one was under way. */
  async #writeAll(): Promise<void> {
    while (this.#appends.length > 0) {
      const group = this.#appends.splice(0);
      try {
        if (this.#broken !== undefined) throw this.#broken;
        await this.#lock.check();
        await this.#writeDurably(group.map(({ text }) => text).join(''));
        for (const { apply, resolve } of group) {
          apply();
          resolve();
        }
        if (this.#bytes >= this.#compactAtBytes) await this.#compact();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }

  async #writeDurably(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await this.#file.write(bytes, written, bytes.length - written, this.#bytes + written)).bytesWritten;
      }
      await this.#file.datasync();
      this.#bytes += bytes.length;
    } catch (error) {
      // Half a line in the middle would make the whole file unreadable.
      await this.#file.truncate(this.#bytes).catch((cause: unknown) => {
        this.#broken = cause instanceof Error ? cause : new Error(String(cause));
      });
      throw error;
    }
  }

  /** Writes what is left to a new file and puts it in the place of the old one. A failure leaves the old one in use. */
  async #compact(): Promise<void> {
    const draft = `${this.#path}.new`;
    const texts = [writeRecord({ kind: 'begin', format: JOURNAL_FORMAT })];
    for (const repair of this.#lines.pending()) texts.push(writeRecord({ kind: 'add', repair }));
    for (const repair of this.#lines.givenUp()) texts.push(writeRecord({ kind: 'add', repair, givenUp: true }));
    const text = texts.join('');
    let unused: FileHandle | undefined;
    try {
      await rm(draft, { force: true });
      unused = await open(draft, 'wx+', 0o600);
      await unused.writeFile(text);
      await unused.sync();
      await this.#lock.check();
      await rename(draft, this.#path);
      const old = this.#file;
      this.#file = unused;
      unused = old;
      this.#bytes = Buffer.byteLength(text);
      await syncFolder(this.#path);
    } catch {
      await rm(draft, { force: true }).catch(nothing);
    }
    await unused?.close().catch(nothing);
    this.#compactAtBytes = Math.max(this.#compactFromBytes, this.#bytes * 2);
  }
}

/** Without it a power cut could take away the name of a new file. Not every system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  try {
    await folder?.sync().catch(nothing);
  } finally {
    await folder?.close();
  }
}

function nothing(): void {
  // Nothing follows.
}
