import tseslint from 'typescript-eslint';

const CORE_IS_PURE = 'packages/core takes time, ids and randomness as arguments and does no I/O';

const IMPURE_GLOBALS = [
  'Buffer',
  'WebSocket',
  'XMLHttpRequest',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  'navigator',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
];

const IMPURE_PROPERTIES = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['Temporal', 'Now'],
];

const IMPURE_SYNTAX = [
  ["NewExpression[callee.name='Date'][arguments.length=0]", 'new Date() reads the clock'],
  ["CallExpression[callee.name='Date']", 'Date() reads the clock'],
];

const typedBy = (project) => ({
  parser: tseslint.parser,
  parserOptions: { project, tsconfigRootDir: import.meta.dirname },
});

const TYPED = {
  linterOptions: { reportUnusedDisableDirectives: 'error' },
  plugins: { '@typescript-eslint': tseslint.plugin },
  rules: {
    '@typescript-eslint/await-thenable': 'error',
    '@typescript-eslint/no-floating-promises': 'error',
    '@typescript-eslint/no-misused-promises': 'error',
    '@typescript-eslint/only-throw-error': 'error',
    '@typescript-eslint/return-await': ['error', 'in-try-catch'],
    '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  },
};

// Biome does what can be told from one file's text; only rules that need types, or a place, stand here.
export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/*.js', '**/*.mjs', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    ignores: ['examples/browser/page/**'],
    ...TYPED,
    languageOptions: typedBy('./tsconfig.test.json'),
  },
  {
    // What browsers get has types of its own.
    files: ['examples/browser/page/**/*.{ts,tsx}'],
    ...TYPED,
    languageOptions: typedBy('./examples/browser/page/tsconfig.json'),
  },
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', ...IMPURE_GLOBALS.map((name) => ({ name, message: CORE_IS_PURE }))],
      'no-restricted-properties': [
        'error',
        ...IMPURE_PROPERTIES.map(([object, property]) => ({ object, property, message: CORE_IS_PURE })),
      ],
      'no-restricted-syntax': [
        'error',
        ...IMPURE_SYNTAX.map(([selector, what]) => ({ selector, message: `${what}: ${CORE_IS_PURE}` })),
      ],
    },
  },
);
