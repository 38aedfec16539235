const { builtinModules } = require('node:module');

const NODE_BUILTIN = `^(node:.+|${builtinModules.filter((name) => !name.startsWith('_')).join('|')})$`;
const TEST_FILE = '\\.test\\.ts$';
const TEST_CODE = `(${TEST_FILE}|^test/|/test-support/)`;
const OURS = '^(packages|examples)/';

/** Folders of the server that are no adapters: the ports all share, the engine over the store, and the wiring. */
const NOT_ADAPTERS = 'ports|engine|wiring';

/** Small tools for adapters that talk to the outside: running a program, filling a secret in at the last moment. */
const SHARED = 'commands|secrets';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular-imports',
      comment:
        'A circle cannot be read, tested or moved in parts; the parts of the simulated world know each other by type',
      severity: 'error',
      from: { pathNot: '^test/simulation/model/' },
      to: { circular: true },
    },
    {
      name: 'imports-resolve',
      comment: 'An import that resolves to nothing is checked by no other rule here',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'core-stands-alone',
      comment: '@theseus/core imports no other package of ours',
      severity: 'error',
      from: { path: '^packages/core/' },
      to: { path: OURS, pathNot: '^packages/core/' },
    },
    {
      name: 'core-does-no-io',
      comment: "@theseus/core runs in a browser too, so Node's own modules are closed to it",
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: TEST_FILE },
      to: { path: NODE_BUILTIN },
    },
    {
      name: 'sdk-sees-little-of-core',
      comment:
        'Applications install the SDK: it brings flags, comparison, health counts and errors, and no plan engine',
      severity: 'error',
      from: { path: '^packages/sdk/src/', pathNot: TEST_FILE },
      to: {
        path: OURS,
        pathNot: [
          '^packages/sdk/',
          '^packages/core/src/(error\\.ts|compare/index\\.ts|flag/index\\.ts|health/index\\.ts)$',
        ],
      },
    },
    {
      name: 'migrate-sees-little-of-core',
      comment:
        'Programs that move data install it: it brings comparison, states of the ledger and errors, and no plan engine',
      severity: 'error',
      from: { path: '^packages/migrate/src/', pathNot: TEST_FILE },
      to: {
        path: OURS,
        pathNot: ['^packages/migrate/', '^packages/core/src/(error\\.ts|compare/index\\.ts|wave/index\\.ts)$'],
      },
    },
    {
      name: 'server-sees-core-and-migrate',
      severity: 'error',
      from: { path: '^packages/server/src/', pathNot: TEST_FILE },
      to: { path: OURS, pathNot: '^packages/(server|core|migrate)/' },
    },
    {
      name: 'cli-sees-server-and-core',
      severity: 'error',
      from: { path: '^packages/cli/src/', pathNot: TEST_FILE },
      to: { path: OURS, pathNot: '^packages/(cli|server|core)/' },
    },
    {
      name: 'packages-see-no-example',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^examples/' },
    },
    {
      name: 'adapters-stay-apart',
      comment: 'An adapter of the server sees its own folder and the ports; only wiring/ sees several adapters',
      severity: 'error',
      from: { path: `^packages/server/src/(?!(?:${NOT_ADAPTERS})/)([^/]+)/`, pathNot: TEST_FILE },
      to: { path: '^packages/server/src/', pathNot: `^packages/server/src/(ports|${SHARED}|$1)/` },
    },
    {
      name: 'engine-sees-the-store-only',
      comment: 'PostgreSQL is the one database, so the engine may know it; every other adapter reaches it by a port',
      severity: 'error',
      from: { path: '^packages/server/src/engine/', pathNot: TEST_FILE },
      to: { path: '^packages/server/src/', pathNot: '^packages/server/src/(ports|engine|postgres)/' },
    },
    {
      name: 'ports-see-no-adapter',
      severity: 'error',
      from: { path: '^packages/server/src/ports/' },
      to: { path: '^packages/server/src/', pathNot: '^packages/server/src/ports/' },
    },
    {
      name: 'sources-see-no-tests',
      comment: 'What ships must not lean on what only tests have',
      severity: 'error',
      from: { path: OURS, pathNot: TEST_CODE },
      to: { path: TEST_CODE },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@theseus/source', 'types', 'node', 'import', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
