/** The environment of whoever names none. */
export const DEFAULT_ENVIRONMENT = 'default';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const LONGEST_NAME = 60;

/** Whether a text can name an environment: kebab-case and at most 60 characters, so that it fits into file names and addresses. */
export function isEnvironmentName(name: string): boolean {
  return name.length <= LONGEST_NAME && NAME.test(name);
}

/** The refusal of a name, with what is allowed. */
export function environmentNameProblem(name: string): string {
  const shown = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return `Cannot use '${shown}' as an environment: write it in kebab-case with at most ${LONGEST_NAME} characters, such as staging or eu-production`;
}
