import type { Command } from 'commander';

const WIDTH = 100;

/** The reference of the command line as Markdown: every command's own help, so that the two cannot differ. */
export function renderReference(program: Command): string {
  const sections = withSubcommands(program, '').map(
    ({ command, path }) => `## ${path}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\``,
  );
  return `# The command line\n\nEvery command tells the same with \`--help\`.\n\n${EXIT_CODES}\n\n${sections.join('\n\n')}\n`;
}

function withSubcommands(command: Command, parents: string): readonly { command: Command; path: string }[] {
  const path = `${parents}${command.name()}`;
  return [{ command, path }, ...command.commands.flatMap((each) => withSubcommands(each, `${path} `))];
}

const EXIT_CODES = `| Exit code | Meaning |
|---|---|
| 0 | done, or the plan ran to its end with everything on the candidate |
| 1 | failed, refused by the server, or rolled back |
| 2 | the command was not understood, or the plan is not valid |
| 3 | held or waiting: for health, time or a person |

With \`--json\` standard output holds NDJSON and nothing else; trouble is told as objects of kind \`error\` (with \`code\` and
\`message\`) or \`warning\` on standard error.`;

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
