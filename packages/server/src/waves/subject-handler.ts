import { errorText } from '@theseus/core/error';
import type {
  BatchDataMigration,
  BatchOutcome,
  Check,
  DataMigration,
  HandlerContext,
  MigrationHandler,
  Preview,
  SavedState,
  Subject,
  Validation,
} from '@theseus/migrate';

/** Asked of a handler for some subjects. */
export interface HandlerCall {
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly dryRun: boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export type Outcomes<Value> = readonly BatchOutcome<Value>[];

/**
 * A handler of any kind, asked about many subjects at a time: one outcome for each, in their order, whatever the handler
 * does. What hangs is given up at the deadline, what throws or lies has failed; nothing of it reaches the neighbours.
 */
export interface SubjectHandler {
  check(subjects: readonly Subject[], call: HandlerCall): Promise<Outcomes<Check>>;
  save(subjects: readonly Subject[], call: HandlerCall): Promise<Outcomes<SavedState>>;
  migrate(subjects: readonly Subject[], call: HandlerCall): Promise<Outcomes<Preview | undefined>>;
  validate(subjects: readonly Subject[], call: HandlerCall): Promise<Outcomes<Validation>>;
  restore(
    subjects: readonly { readonly subject: Subject; readonly saved: SavedState }[],
    call: HandlerCall,
  ): Promise<Outcomes<undefined>>;
}

/** Subjects of one batch that a handler for single ones has in hand at the same time. */
const AT_ONCE = 16;
const GO: Check = { outcome: 'go' };
const NOTHING_MEASURED: Validation = { scores: {} };

export function subjectHandler(handler: MigrationHandler): SubjectHandler {
  return 'saveAll' in handler ? fromBatch(handler) : fromSingle(handler);
}

function fromSingle(handler: DataMigration): SubjectHandler {
  const { check, validate } = handler;
  return {
    check:
      check === undefined
        ? all(GO)
        : (subjects, call) => each(subjects, call, (subject, context) => check.call(handler, subject, context)),
    save: (subjects, call) => each(subjects, call, (subject, context) => handler.save(subject, context)),
    migrate: (subjects, call) => each(subjects, call, (subject, context) => handler.migrate(subject, context)),
    validate:
      validate === undefined
        ? all(NOTHING_MEASURED)
        : (subjects, call) => each(subjects, call, (subject, context) => validate.call(handler, subject, context)),
    restore: (given, call) =>
      each(given, call, async ({ subject, saved }, context) => {
        await handler.restore(subject, saved, context);
        return undefined;
      }),
  };
}

function fromBatch(handler: BatchDataMigration): SubjectHandler {
  const { checkAll, validateAll } = handler;
  return {
    check:
      checkAll === undefined
        ? all(GO)
        : (subjects, call) => together(subjects, call, (context) => checkAll.call(handler, subjects, context)),
    save: (subjects, call) => together(subjects, call, (context) => handler.saveAll(subjects, context)),
    migrate: (subjects, call) => together(subjects, call, (context) => handler.migrateAll(subjects, context)),
    validate:
      validateAll === undefined
        ? all(NOTHING_MEASURED)
        : (subjects, call) => together(subjects, call, (context) => validateAll.call(handler, subjects, context)),
    restore: (given, call) => together(given, call, (context) => handler.restoreAll(given, context)),
  };
}

function all<Value>(value: Value): (subjects: readonly Subject[]) => Promise<Outcomes<Value>> {
  return (subjects) => Promise.resolve(subjects.map(() => ({ ok: value })));
}

/** One call for each item, some at the same time, each with the whole deadline. */
async function each<Item extends Subject | { readonly subject: Subject }, Value>(
  items: readonly Item[],
  call: HandlerCall,
  ask: (item: Item, context: HandlerContext) => Promise<Value>,
): Promise<Outcomes<Value>> {
  const outcomes: BatchOutcome<Value>[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      const item = items[at];
      if (item === undefined) return;
      const { key } = 'subject' in item ? item.subject : item;
      outcomes[at] = await outcome(call, `${call.idempotencyKey}/${key}`, (context) => ask(item, context));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return outcomes;
}

async function together<Value>(
  items: readonly unknown[],
  call: HandlerCall,
  ask: (context: HandlerContext) => Promise<Outcomes<Value>>,
): Promise<Outcomes<Value>> {
  if (items.length === 0) return [];
  const answer = await outcome(call, call.idempotencyKey, ask);
  if ('error' in answer) return items.map(() => answer);
  const { ok } = answer;
  if (!Array.isArray(ok) || ok.length !== items.length) {
    const error = `the handler answered with ${Array.isArray(ok) ? ok.length : 'no'} outcomes for ${items.length} subjects`;
    return items.map(() => ({ error }));
  }
  return ok.map((one: unknown) => (isOutcome<Value>(one) ? one : { error: 'the handler answered with no outcome' }));
}

function isOutcome<Value>(value: unknown): value is BatchOutcome<Value> {
  if (typeof value !== 'object' || value === null) return false;
  return 'ok' in value || ('error' in value && typeof value.error === 'string');
}

/** What came of one call: it never throws, and never takes longer than its deadline. */
async function outcome<Value>(
  { deadlineMs, signal, dryRun, attempt, log }: HandlerCall,
  idempotencyKey: string,
  ask: (context: HandlerContext) => Promise<Value>,
): Promise<BatchOutcome<Value>> {
  const ending = new AbortController();
  const context: HandlerContext = {
    dryRun,
    signal: AbortSignal.any([signal, ending.signal]),
    deadline: Date.now() + deadlineMs,
    idempotencyKey,
    attempt,
    log,
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<BatchOutcome<Value>>((resolve) => {
    timer = setTimeout(() => {
      ending.abort();
      resolve({ error: `it has not answered within ${deadlineMs} ms` });
    }, deadlineMs);
  });
  try {
    const asked = Promise.resolve()
      .then(() => ask(context))
      .then(
        (ok): BatchOutcome<Value> => ({ ok }),
        (error: unknown): BatchOutcome<Value> => ({ error: errorText(error) }),
      );
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
