import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './set-up.mjs';

const FILE_LINES_LIMIT = 500;
const FUNCTION_LINES_LIMIT = 70;
const FORBIDDEN_FOLDERS = new Set([
  'utils',
  'util',
  'common',
  'helpers',
  'helper',
  'manager',
  'managers',
  'misc',
  'shared',
]);
const CODE = /\.(?:ts|tsx|mjs|cjs|js)$/;
/** Tools ask for a default export in their own configuration files, and nothing else may have one. */
const CONFIG = /(?:^|\/)[^/]+\.config\.(?:ts|js|mjs)$/;
/** A test's `describe` holds its tests as a folder holds files: only the tests inside are functions to be read at once. */
const GROUPS_OF_TESTS = new Set(['describe', 'suite']);

/** What git knows or would add: generated and ignored files are nobody's style. */
function codeFiles() {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const result = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  if (result.status !== 0) throw new Error(`Cannot list the files of the checkout: ${result.stderr ?? result.error}`);
  return [...new Set(result.stdout.split('\0'))].filter((path) => path !== '').sort();
}

function textOf(path) {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return undefined; // deleted, and git not told yet
  }
}

function lineCount(text) {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function hasModifier(node, kind) {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}

function isDefaultExport(node) {
  if (ts.isExportAssignment(node)) return !node.isExportEquals;
  if (hasModifier(node, ts.SyntaxKind.DefaultKeyword)) return true;
  return ts.isExportSpecifier(node) && node.name.text === 'default';
}

function isExportOfAll(node) {
  return ts.isExportDeclaration(node) && (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause));
}

function isGroupOfTests(node) {
  const call = node.parent;
  if (call === undefined || !ts.isCallExpression(call)) return false;
  let name = call.expression;
  while (ts.isCallExpression(name) || ts.isPropertyAccessExpression(name)) name = name.expression;
  return ts.isIdentifier(name) && GROUPS_OF_TESTS.has(name.text);
}

function nameOf(node) {
  const named = node.name ?? node.parent?.name;
  return named !== undefined && 'text' in named ? `function '${named.text}'` : 'a function without a name';
}

function* problemsOfNode(node, source, path) {
  const lineAt = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const line = lineAt(node.getStart(source));
  if (isDefaultExport(node) && !CONFIG.test(path)) yield { line, text: 'default export: give the export a name' };
  if (isExportOfAll(node)) yield { line, text: 'export *: name each export' };
  if (ts.isFunctionLike(node) && node.body !== undefined && !isGroupOfTests(node)) {
    const lines = lineAt(node.getEnd()) - line + 1;
    if (lines > FUNCTION_LINES_LIMIT) {
      yield { line, text: `${nameOf(node)} has ${lines} lines: at most ${FUNCTION_LINES_LIMIT}` };
    }
  }
}

function* problemsOfCode(path, text) {
  const lines = lineCount(text);
  if (lines > FILE_LINES_LIMIT) yield { line: 1, text: `file has ${lines} lines: at most ${FILE_LINES_LIMIT}` };
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const waiting = [source];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield* problemsOfNode(node, source, path);
    ts.forEachChild(node, (child) => {
      waiting.push(child);
    });
  }
}

function* problemsOfFile(path) {
  const folder = path
    .split('/')
    .slice(0, -1)
    .find((name) => FORBIDDEN_FOLDERS.has(name));
  if (folder !== undefined)
    yield { line: 1, text: `folder '${folder}' says nothing: name the domain or the dependency` };
  if (!CODE.test(path)) return;
  const text = textOf(path);
  if (text !== undefined) yield* problemsOfCode(path, text);
}

let count = 0;
for (const path of codeFiles()) {
  for (const { line, text } of problemsOfFile(path)) {
    console.log(`${path}:${line} ${text}`);
    count += 1;
  }
}
if (count > 0) process.exitCode = 1;
