import type { WriteStream } from 'node:tty';
import { expect, it } from 'vitest';
import { LiveScreen } from './live-screen.ts';

/** The few movements of the cursor that a live screen makes, played on a list of lines. */
class Terminal {
  readonly columns = 80;
  readonly rows = 24;
  readonly lines: string[] = [];
  written = '';
  #row = 0;

  write(text: string): boolean {
    this.written = text;
    for (const [token] of text.matchAll(
      new RegExp(`${String.fromCharCode(27)}\\[[?0-9]*[A-Za-z]|\\r|\\n|[^\\r\\n${String.fromCharCode(27)}]+`, 'g'),
    ))
      this.#apply(token);
    return true;
  }

  #apply(token: string): void {
    const amount = Number(/\d+/.exec(token)?.[0] ?? 1);
    if (token.endsWith('A') && token.length > 2) this.#row -= amount;
    else if (token.endsWith('B') && token.length > 2) this.#row += amount;
    else if (token.endsWith('2K')) this.lines[this.#row] = '';
    else if (token.endsWith('2J')) this.lines.length = 0;
    else if (token.endsWith('[H')) this.#row = 0;
    else if (token === '\n') this.#row += 1;
    else if (token !== '\r' && !token.includes('?25')) this.lines[this.#row] = token;
  }
}

it('LiveScreen shows each picture whole and writes only what changed', () => {
  const terminal = new Terminal();
  const screen = new LiveScreen(terminal as unknown as WriteStream);
  for (const picture of [['a', 'b', 'c'], ['a', 'x', 'c'], ['a'], ['a', 'y', 'z', 'w'], ['q']]) {
    screen.show(picture);
    expect(terminal.lines.filter((line) => line !== '')).toEqual(picture);
  }
  screen.show(['same', 'old']);
  screen.show(['same', 'new']);
  expect(terminal.written).toContain('new');
  expect(terminal.written).not.toContain('same');
  screen.clear();
  screen.show(['after', 'resize']);
  expect(terminal.lines).toEqual(['after', 'resize']);
});
