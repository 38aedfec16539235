import type { FollowUp, Undo } from './plan.ts';
import type { Path } from './problems.ts';
import { readProbe } from './read-probe.ts';
import { type ReadingContext, readCommand, requireName } from './reading-context.ts';
import type { FollowUpSource, UndoSource } from './source-schema.ts';

/** How a step is taken back, or null after telling what is wrong with it. */
export function readUndo(context: ReadingContext, path: Path, source: UndoSource): Undo | null {
  if (typeof source === 'string' || Array.isArray(source)) {
    const command = readCommand(context, path, source, { repeatable: true });
    return command && { alternatives: [command], attempts: 1, onlyIf: null, rehearsable: false };
  }
  const alternatives = source.try.map((line, index) =>
    readCommand(context, [...path, 'try', index], line, { repeatable: true }),
  );
  const onlyIf = source.onlyIf === undefined ? null : readProbe(context, [...path, 'onlyIf'], source.onlyIf);
  if (alternatives.includes(null) || (source.onlyIf !== undefined && onlyIf === null)) return null;
  return {
    alternatives: alternatives.filter((command) => command !== null),
    attempts: source.attempts ?? 1,
    onlyIf,
    rehearsable: source.rehearsable ?? false,
  };
}

/** A command to run or a message to send, or null after telling what is wrong with it. */
export function readFollowUp(context: ReadingContext, path: Path, source: FollowUpSource): FollowUp | null {
  if ('run' in source) {
    const command = readCommand(context, [...path, 'run'], source.run, { repeatable: true });
    return command && { kind: 'run', command };
  }
  return readMessageTo(context, path, source)
    ? { kind: 'notify', channel: source.notify, message: source.message }
    : null;
}

/** Tells when a channel or a message does not exist. */
export function readMessageTo(
  context: ReadingContext,
  path: Path,
  { notify, message }: { readonly notify: string; readonly message: string },
): boolean {
  const known = [
    requireName(context, [...path, 'notify'], 'channel', notify, context.names.channels),
    requireName(context, [...path, 'message'], 'message', message, context.names.messages),
  ];
  return !known.includes(false);
}
