import type { Tell, Tone } from './fact.ts';

const COLOURS: Readonly<Record<Tone, readonly [string, string]>> = {
  heading: ['\u001b[1m', '\u001b[22m'],
  plain: ['', ''],
  good: ['\u001b[32m', '\u001b[39m'],
  bad: ['\u001b[31m', '\u001b[39m'],
  notice: ['\u001b[33m', '\u001b[39m'],
  quiet: ['\u001b[2m', '\u001b[22m'],
};

export interface TerminalOptions {
  readonly write: (text: string) => void;
  readonly colour: boolean;
  /** Milliseconds since the demo began. */
  readonly elapsedMs: () => number;
}

/** Shows facts as lines with a clock. */
export function terminalTeller({ write, colour, elapsedMs }: TerminalOptions): Tell {
  return ({ tone, text }) => {
    const clock = formatClock(elapsedMs());
    const [on, off] = colour ? COLOURS[tone] : ['', ''];
    const lines = text
      .split('\n')
      .map((line, index) => `${index === 0 ? clock : ' '.repeat(clock.length)}  ${on}${line}${off}\n`);
    write(`${tone === 'heading' ? '\n' : ''}${lines.join('')}`);
  };
}

/** Writes facts as one JSON object a line. */
export function jsonTeller({ write, elapsedMs }: Pick<TerminalOptions, 'write' | 'elapsedMs'>): Tell {
  return ({ kind, text, data }) =>
    write(`${JSON.stringify({ kind, elapsedMs: Math.round(elapsedMs()), text, ...data })}\n`);
}

/** Whether to use colour: on a terminal, unless NO_COLOR is set or the terminal cannot. */
export function wantsColour(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  if (environment['NO_COLOR'] || environment['TERM'] === 'dumb') return false;
  return isTerminal || Boolean(environment['FORCE_COLOR'] && environment['FORCE_COLOR'] !== '0');
}

/** `1:07.3` */
export function formatClock(ms: number): string {
  const tenths = Math.floor(ms / 100);
  const minutes = Math.floor(tenths / 600);
  const seconds = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return `${String(minutes).padStart(2, ' ')}:${seconds}`;
}
