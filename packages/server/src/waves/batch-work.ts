import type { BatchOutcome, Subject, Validation } from '@theseus/migrate';
import type {
  BatchPurpose,
  FollowUpBatch,
  LedgerSubject,
  SavedBytes,
  SubjectChange,
  WaveBatch,
  WaveLedger,
} from '../ports/wave-ledger.ts';
import { fromBytes, isSameHash, toBytes } from './saved-bytes.ts';
import { boundsMissed } from './score-bounds.ts';
import type { HandlerCall, SubjectHandler } from './subject-handler.ts';

export interface BatchWorkParts {
  readonly batch: WaveBatch;
  readonly handler: SubjectHandler;
  readonly ledger: WaveLedger;
  /** Who works: the claim is theirs. */
  readonly worker: string;
  /** Aborted when the claim is lost. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** The claim was lost: whoever has the batch now does what is left, and nothing of this is written. */
export class ClaimLost extends Error {}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** A batch of which nobody came through is tried again in so many parts, so that one subject cannot hold up the others. */
const PARTS = 8;

type Trouble = { readonly subject: LedgerSubject; readonly error: string };

/**
 * Does what a batch was taken for. What a subject looked like is stored before it is touched, and what became of it after;
 * so whoever takes the batch after a crash can tell, by looking at the subject's data, whether it was touched.
 */
export class BatchWork {
  readonly #parts: BatchWorkParts;
  readonly #changes: SubjectChange[] = [];
  readonly #followUps = new Map<string, { readonly purpose: BatchPurpose; readonly inMs: number; keys: string[] }>();

  constructor(parts: BatchWorkParts) {
    this.#parts = parts;
  }

  /** @throws ClaimLost when another worker has the batch by now */
  async run(): Promise<void> {
    const { purpose } = this.#parts.batch;
    if (purpose === 'undo') await this.#undo();
    else if (purpose === 'watch') await this.#watch();
    else await this.#migrate();
    await this.#record(this.#changes, { followUps: this.#splitFollowUps() });
  }

  async #migrate(): Promise<void> {
    const { subjects } = this.#parts.batch;
    const fresh = subjects.filter(({ state }) => state === 'pending' || state === 'checked');
    const begun = subjects.filter(({ state }) => state === 'saved');
    const invalid = subjects.filter(({ state, isInvalid }) => state === 'migrated' && isInvalid);
    const saved = await this.#save(await this.#check(fresh));
    const { untouched, done } = await this.#lookAtBegun(begun);
    const redone = await this.#redoInvalid(invalid);
    const migrated = await this.#callMigrate([...saved, ...untouched, ...redone.untouched]);
    await this.#settle([...migrated, ...done, ...redone.done]);
  }

  async #check(subjects: readonly LedgerSubject[]): Promise<readonly LedgerSubject[]> {
    const outcomes = await this.#parts.handler.check(subjects.map(asSubject), this.#call('check'));
    const go: LedgerSubject[] = [];
    const troubled: Trouble[] = [];
    for (const [subject, outcome] of paired(subjects, outcomes)) {
      if ('error' in outcome) troubled.push({ subject, error: `check: ${outcome.error}` });
      else if (outcome.ok.outcome === 'go') go.push(subject);
      else this.#change(subject, 'skipped', { reason: outcome.ok.reason });
    }
    this.#retryUntouched(troubled, subjects.length);
    return go;
  }

  /** Stores what they look like before anything is done to them. */
  async #save(subjects: readonly LedgerSubject[]): Promise<readonly LedgerSubject[]> {
    const looks = await this.#look(subjects);
    const saved: LedgerSubject[] = [];
    const changes: SubjectChange[] = [];
    const troubled: Trouble[] = [];
    for (const [subject, look] of paired(subjects, looks)) {
      if ('error' in look) {
        troubled.push({ subject, error: `save: ${look.error}` });
        continue;
      }
      changes.push({ key: subject.key, from: subject.state, to: 'saved', saved: look.ok });
      saved.push({ ...subject, state: 'saved', saved: look.ok });
    }
    this.#retryUntouched(troubled, subjects.length);
    if (changes.length > 0) await this.#record(changes);
    return saved;
  }

  /** Those whom an earlier try may have touched: their data tells. */
  async #lookAtBegun(subjects: readonly LedgerSubject[]): Promise<Sorted> {
    const looks = await this.#look(subjects);
    const untouched: LedgerSubject[] = [];
    const touched: LedgerSubject[] = [];
    const troubled: Trouble[] = [];
    for (const [subject, look] of paired(subjects, looks)) {
      if ('error' in look) troubled.push({ subject, error: `save: ${look.error}` });
      else if (isAsSaved(subject, look.ok)) untouched.push(subject);
      else touched.push(subject);
    }
    this.#retry(troubled, subjects.length);
    const { done, untouched: putBack } = await this.#validOrPutBack(touched);
    return { done, untouched: [...untouched, ...putBack] };
  }

  /** Was it right after all? Then it is done; otherwise it is put back, and can be migrated as if for the first time. */
  async #validOrPutBack(subjects: readonly LedgerSubject[]): Promise<Sorted> {
    const validations = await this.#parts.handler.validate(subjects.map(asSubject), this.#call('validate'));
    const done: LedgerSubject[] = [];
    const wrong: LedgerSubject[] = [];
    for (const [subject, outcome] of paired(subjects, validations)) {
      if ('ok' in outcome && this.#missed(outcome.ok) === null) done.push(subject);
      else wrong.push(subject);
    }
    const { restored, troubled } = await this.#restore(wrong);
    this.#retry(troubled, subjects.length);
    return { done, untouched: restored };
  }

  async #redoInvalid(subjects: readonly LedgerSubject[]): Promise<Sorted> {
    if (this.#parts.batch.purpose !== 'revalidate') return { done: subjects, untouched: [] };
    return this.#validOrPutBack(subjects);
  }

  async #callMigrate(subjects: readonly LedgerSubject[]): Promise<readonly LedgerSubject[]> {
    const outcomes = await this.#parts.handler.migrate(subjects.map(asSubject), this.#call('migrate'));
    const migrated: LedgerSubject[] = [];
    const troubled: Trouble[] = [];
    for (const [subject, outcome] of paired(subjects, outcomes)) {
      if ('error' in outcome) troubled.push({ subject, error: `migrate: ${outcome.error}` });
      else migrated.push(subject);
    }
    await this.#retryOrGiveUp(troubled, subjects.length);
    return migrated;
  }

  /** What they look like now, whether it is right, and so what becomes of them. */
  async #settle(subjects: readonly LedgerSubject[]): Promise<void> {
    const looks = await this.#look(subjects);
    const validations = await this.#parts.handler.validate(subjects.map(asSubject), this.#call('validate'));
    const { watchMs } = this.#parts.batch.order;
    const valid: string[] = [];
    const troubled: Trouble[] = [];
    const wrong: { readonly subject: LedgerSubject; readonly validation: Validation; readonly missed: string }[] = [];
    for (const [at, subject] of subjects.entries()) {
      const look = looks[at];
      const validation = validations[at];
      if (look === undefined || 'error' in look) {
        troubled.push({ subject, error: `save: ${look?.error ?? 'no answer'}` });
        continue;
      }
      if (validation === undefined || 'error' in validation) {
        troubled.push({ subject, error: `validate: ${validation?.error ?? 'no answer'}` });
        continue;
      }
      const missed = this.#missed(validation.ok);
      const told = { scores: validation.ok.scores, migratedHash: look.ok.hash, wasInvalid: subject.isInvalid };
      if (missed !== null) {
        wrong.push({ subject, validation: validation.ok, missed });
        this.#change(subject, 'migrated', { ...told, isInvalid: true, attempts: subject.attempts + 1, reason: missed });
        continue;
      }
      valid.push(subject.key);
      this.#change(subject, watchMs > 0 ? 'validated' : 'done', { ...told, isInvalid: false, reason: null });
    }
    this.#later('watch', valid, watchMs);
    await this.#retryOrGiveUp(troubled, subjects.length);
    this.#retryInvalid(wrong.map(({ subject }) => subject));
  }

  /** The invalid are looked at again a few times, as they are; then they wait for a person, or for the wave to be taken back. */
  #retryInvalid(subjects: readonly LedgerSubject[]): void {
    const { attempts } = this.#parts.batch.order;
    const left = subjects.filter((subject) => subject.attempts + 1 < attempts);
    for (const subject of left) this.#later('retry', [subject.key], retryMs(subject.attempts));
  }

  async #watch(): Promise<void> {
    const subjects = this.#parts.batch.subjects.filter(({ state }) => state === 'validated');
    const validations = await this.#parts.handler.validate(subjects.map(asSubject), this.#call('validate'));
    const unheard: string[] = [];
    for (const [subject, outcome] of paired(subjects, validations)) {
      if ('error' in outcome) {
        unheard.push(subject.key);
        continue;
      }
      const missed = this.#missed(outcome.ok);
      const told = { scores: outcome.ok.scores, wasInvalid: false };
      if (missed === null) this.#change(subject, 'done', told);
      else this.#change(subject, 'migrated', { ...told, isInvalid: true, reason: `after its watch: ${missed}` });
    }
    // A validation that does not answer says nothing about the subject: it is watched on.
    this.#later('watch', unheard, retryMs(0));
  }

  async #undo(): Promise<void> {
    const subjects = this.#parts.batch.subjects.filter(({ state }) => TO_UNDO.includes(state));
    const looks = await this.#look(subjects);
    const toRestore: LedgerSubject[] = [];
    const flagsBack: SubjectChange[] = [];
    const troubled: Trouble[] = [];
    for (const [subject, look] of paired(subjects, looks)) {
      if ('error' in look) {
        troubled.push({ subject, error: `save: ${look.error}` });
        continue;
      }
      if (isAsSaved(subject, look.ok)) {
        this.#change(subject, 'rolled-back', { isRestoring: false, isInvalid: false, reason: null });
        continue;
      }
      if (isChangedSince(subject, look.ok)) {
        this.#change(subject, subject.state, { isConflict: true, reason: CONFLICT });
        continue;
      }
      toRestore.push({ ...subject, state: 'migrated', isRestoring: true });
      flagsBack.push({ key: subject.key, from: subject.state, to: 'migrated', isRestoring: true });
    }
    // Flags go back before the data does: nobody is to read with the new path what is the old one's again.
    if (flagsBack.length > 0) await this.#record(flagsBack);
    const { restored, troubled: unrestored } = await this.#restore(toRestore);
    for (const subject of restored) {
      this.#change(subject, 'rolled-back', { isRestoring: false, isInvalid: false, attempts: 0, reason: null });
    }
    const { attempts } = this.#parts.batch.order;
    for (const { subject, error } of [...troubled, ...unrestored]) {
      const tried = subject.attempts + 1;
      this.#change(subject, subject.state, { attempts: tried, reason: `could not be taken back: ${error}` });
      if (tried < attempts) this.#later('undo', [subject.key], retryMs(subject.attempts));
    }
  }

  /** Puts them back as they were saved, and proves it. */
  async #restore(
    subjects: readonly LedgerSubject[],
  ): Promise<{ readonly restored: readonly LedgerSubject[]; readonly troubled: readonly Trouble[] }> {
    const given = subjects.flatMap((subject) =>
      subject.saved === null ? [] : [{ subject: asSubject(subject), saved: fromBytes(subject.saved) }],
    );
    const known = subjects.filter(({ saved }) => saved !== null);
    const outcomes = await this.#parts.handler.restore(given, this.#call('restore'));
    const looks = await this.#look(known);
    const restored: LedgerSubject[] = [];
    const troubled: Trouble[] = [];
    for (const [at, subject] of known.entries()) {
      const outcome = outcomes[at];
      const look = looks[at];
      if (look !== undefined && 'ok' in look && isAsSaved(subject, look.ok)) restored.push(subject);
      else if (outcome === undefined || 'error' in outcome) {
        troubled.push({ subject, error: `restore: ${outcome?.error ?? 'no answer'}` });
      } else {
        const found = look === undefined || 'error' in look ? `save: ${look?.error ?? 'no answer'}` : NOT_THE_SAME;
        troubled.push({ subject, error: found });
      }
    }
    return { restored, troubled };
  }

  async #look(subjects: readonly LedgerSubject[]): Promise<readonly BatchOutcome<SavedBytes>[]> {
    const states = await this.#parts.handler.save(subjects.map(asSubject), this.#call('save'));
    return states.map((outcome) => {
      if ('error' in outcome) return outcome;
      try {
        return { ok: toBytes(outcome.ok) };
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) };
      }
    });
  }

  #missed(validation: Validation): string | null {
    return boundsMissed(this.#parts.batch.order.bounds, validation.scores);
  }

  /** Nothing was done to them yet. */
  #retryUntouched(troubled: readonly Trouble[], of: number): void {
    const { attempts } = this.#parts.batch.order;
    for (const { subject, error } of troubled) {
      const tried = subject.attempts + (this.#isOnlySplit(troubled, of) ? 0 : 1);
      if (tried >= attempts) this.#change(subject, 'failed', { attempts: tried, reason: error });
      else {
        this.#change(subject, subject.state, { attempts: tried, reason: error });
        this.#later('retry', [subject.key], retryMs(subject.attempts));
      }
    }
  }

  /** They may be touched: whoever takes them next looks first. */
  #retry(troubled: readonly Trouble[], of: number): void {
    for (const { subject, error } of troubled) {
      const tried = subject.attempts + (this.#isOnlySplit(troubled, of) ? 0 : 1);
      this.#change(subject, subject.state, { attempts: tried, reason: error });
      this.#later('retry', [subject.key], retryMs(subject.attempts));
    }
  }

  /** Whoever was tried often enough is put back as they were, and left alone. */
  async #retryOrGiveUp(troubled: readonly Trouble[], of: number): Promise<void> {
    const { attempts } = this.#parts.batch.order;
    const isOnlySplit = this.#isOnlySplit(troubled, of);
    const over = troubled.filter(({ subject }) => !isOnlySplit && subject.attempts + 1 >= attempts);
    this.#retry(
      troubled.filter((one) => !over.includes(one)),
      of,
    );
    const { restored } = await this.#restore(over.map(({ subject }) => subject));
    for (const { subject, error } of over) {
      const isBack = restored.some(({ key }) => key === subject.key);
      const reason = isBack ? error : `${error}; and it could NOT be put back as it was`;
      this.#change(subject, 'failed', { attempts: subject.attempts + 1, isConflict: !isBack, reason });
    }
  }

  /** Where all of several failed, any one of them may be to blame. */
  #isOnlySplit(troubled: readonly Trouble[], of: number): boolean {
    return of > 1 && troubled.length === of;
  }

  #change(subject: LedgerSubject, to: SubjectChange['to'], more: Omit<SubjectChange, 'from' | 'key' | 'to'>): void {
    this.#changes.push({ key: subject.key, from: subject.state, to, ...more });
  }

  #later(purpose: BatchPurpose, keys: readonly string[], inMs: number): void {
    if (keys.length === 0 || (purpose === 'watch' && inMs === 0)) return;
    const id = `${purpose}/${inMs}`;
    const known = this.#followUps.get(id);
    if (known === undefined) this.#followUps.set(id, { purpose, inMs, keys: [...keys] });
    else known.keys.push(...keys);
  }

  #splitFollowUps(): readonly FollowUpBatch[] {
    const { subjects } = this.#parts.batch;
    return [...this.#followUps.values()].flatMap(({ purpose, inMs, keys }) => {
      if (purpose !== 'retry' || keys.length < subjects.length) return { purpose, keys, inMs };
      const size = Math.max(1, Math.ceil(keys.length / PARTS));
      return Array.from({ length: Math.ceil(keys.length / size) }, (_, at) => ({
        purpose,
        keys: keys.slice(at * size, (at + 1) * size),
        inMs,
      }));
    });
  }

  #call(operation: string): HandlerCall {
    const { batch, signal, log } = this.#parts;
    const { key, deadlineMs } = batch.order;
    return {
      idempotencyKey: `${key.environment}/${key.migration}/${key.wave}/${batch.number}/${operation}`,
      attempt: batch.taken,
      dryRun: false,
      deadlineMs,
      signal,
      log,
    };
  }

  async #record(
    changes: readonly SubjectChange[],
    end?: { readonly followUps: readonly FollowUpBatch[] },
  ): Promise<void> {
    const { ledger, batch, worker, signal } = this.#parts;
    if (signal.aborted || !(await ledger.record(batch, worker, changes, end))) throw new ClaimLost();
  }
}

interface Sorted {
  /** Migrated, as it seems. */
  readonly done: readonly LedgerSubject[];
  /** As they were saved. */
  readonly untouched: readonly LedgerSubject[];
}

const TO_UNDO: readonly LedgerSubject['state'][] = ['saved', 'migrated', 'validated', 'watched', 'done'];

const CONFLICT = 'its data was changed since it was migrated: keep that, or overwrite it with what was saved';
const NOT_THE_SAME = 'it was restored, and is not what was saved';

function asSubject({ key, attributes }: LedgerSubject): Subject {
  return { key, attributes };
}

function isAsSaved({ saved }: LedgerSubject, look: SavedBytes): boolean {
  return saved !== null && isSameHash(saved.hash, look.hash);
}

/** Only where it is known what the migration left behind, and no undo has begun to put it back. */
function isChangedSince({ migratedHash, isRestoring, state }: LedgerSubject, look: SavedBytes): boolean {
  return !isRestoring && state !== 'saved' && migratedHash !== null && !isSameHash(migratedHash, look.hash);
}

/** Each wait is four times as long as the one before. */
function retryMs(attempts: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 4 ** attempts);
}

function* paired<One, Other>(ones: readonly One[], others: readonly Other[]): Generator<readonly [One, Other]> {
  for (const [at, one] of ones.entries()) {
    const other = others[at];
    if (other !== undefined) yield [one, other];
  }
}
