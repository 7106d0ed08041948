import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyEdit, changedLines, MAX_CHANGED_LINES, type Mutant } from './mutant.ts'

/** The checkout that this was compiled in. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')

/** Compiles one file alone: its imports stay as they are, and who reads it checks its types. */
const COMPILER_FLAGS = [
  ...['--target', 'ES2022', '--module', 'NodeNext', '--moduleResolution', 'NodeNext'],
  ...['--noResolve', '--noCheck', '--types', '', '--verbatimModuleSyntax', '--skipLibCheck'],
  '--rewriteRelativeImportExtensions',
]

/** Throws when an edit of the mutant fits nowhere, or more than once, or when the mutant is too large. */
export function mutatedFiles(mutant: Mutant, read: (file: string) => string): Map<string, string> {
  const changed = changedLines(mutant)
  if (changed > MAX_CHANGED_LINES)
    throw new Error(`mutant ${mutant.name} changes ${changed} lines: it must be ${MAX_CHANGED_LINES} at most`)
  const files = new Map<string, string>()
  for (const edit of mutant.edits) {
    const source = files.get(edit.file) ?? read(edit.file)
    files.set(edit.file, applyEdit(mutant.name, edit, source))
  }
  return files
}

export function readSource(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
}

/** A private copy of the compiled tree below `dir`, with the mutant in it. Answers where the copy lies. */
export function plant(mutant: Mutant, dir: string): string {
  const files = mutatedFiles(mutant, readSource)
  const tree = path.join(dir, mutant.name)
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(tree, { recursive: true })
  cpSync(path.join(ROOT, 'dist/src'), path.join(tree, 'dist/src'), { recursive: true })
  cpSync(path.join(ROOT, 'package.json'), path.join(tree, 'package.json'))
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(tree, 'node_modules'), 'dir')
  for (const [file, source] of files) {
    mkdirSync(path.dirname(path.join(tree, file)), { recursive: true })
    writeFileSync(path.join(tree, file), source)
  }
  compile(mutant, tree, [...files.keys()])
  return tree
}

function compile({ name }: Mutant, tree: string, files: readonly string[]): void {
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc')
  const places = ['--rootDir', '.', '--outDir', 'dist']
  const args = [compiler, ...COMPILER_FLAGS, ...places, ...files]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' })
  if (status !== 0) throw new Error(`mutant ${name} does not compile:\n${stdout}${stderr}`)
}
