import { builtinModules } from 'node:module'
import path from 'node:path'
import { type Import, listImports } from './import-list.ts'
import type { SourceTree } from './source-tree.ts'

/**
 * The arrows of the architecture: a room may import the rooms named here, and what those may import. `*` is everything.
 * Every room but `util` may import the leaves: `block`, `util` and the ports of `env`.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  block: [],
  env: [],
  raft: [],
  timer: [],
  rpc: [],
  storage: [],
  snapshot: [],
  store: ['raft', 'rpc', 'storage', 'snapshot', 'timer'],
  kv: ['store'],
  client: ['rpc'],
  worker: ['kv', 'storage'],
  admin: ['kv', 'storage', 'store'],
  api: ['admin', 'kv', 'client', 'store'],
  bench: ['api', 'admin', 'client'],
  cli: ['bench', 'sim', 'api', 'admin', 'client'],
  sim: ['*'],
}

/** Rooms of which only some leaves are open: consensus knows the ports that it declares itself, no others. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  util: ['util'],
  block: ['util', 'block'],
  raft: ['util', 'block'],
}

/** Composition roots: the only files of `env` beside its ports that these may name. `*` is all of them. */
const ENV_FILES: Readonly<Record<string, readonly string[]>> = {
  'src/api/': ['src/env/node-env.ts'],
  'src/api/client.ts': ['src/env/node-client-env.ts'],
  'src/worker/entry.ts': ['src/env/node-disk.ts', 'src/env/worker-port.ts'],
  'src/cli/': ['*'],
  'src/bench/': ['*'],
}

/**
 * Formats that both sides of the wire speak: pure leaves of kv, open to the client too. They may import only the leaves
 * and each other, so that nothing of the replicated side comes with them.
 */
const SHARED_FORMATS: ReadonlySet<string> = new Set([
  'src/kv/command.ts',
  'src/kv/keyspace.ts',
  'src/kv/regions.ts',
])

/** What users import: exports only. */
const ENTRIES: ReadonlySet<string> = new Set(['src/index.ts', 'src/client.ts'])

/** Packages that only these files may name. */
const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  rocksdb: 'src/env/rocks.ts',
  pino: 'src/env/',
  piscina: 'src/env/',
  'prom-client': 'src/admin/metrics.ts',
}

/** Where a module that a user named is loaded. */
const COMPUTED_IMPORTS: ReadonlySet<string> = new Set(['src/cli/state-machine-module.ts'])

/** Rooms that stand on nothing but themselves. */
const WITHOUT_PACKAGES: ReadonlySet<string> = new Set(['util', 'block', 'raft', 'timer'])

const BUILTINS: ReadonlySet<string> = new Set(builtinModules)

/** What is wrong with the imports of a tree, one line each: arrows, packages, cycles, what a client would load. */
export function importViolations(tree: SourceTree, declared: ReadonlySet<string>): string[] {
  const found: string[] = []
  const edges = new Map<string, Array<{ to: string; typeOnly: boolean }>>()
  for (const [file, source] of Object.entries(tree)) {
    const targets: Array<{ to: string; typeOnly: boolean }> = []
    edges.set(file, targets)
    if (ENTRIES.has(file)) found.push(...entryViolations(file, source))
    for (const item of listImports(source)) {
      const to = resolveImport(file, item)
      const problem = to === null ? packageProblem(file, item, declared) : arrowProblem(file, to)
      if (problem) found.push(`${file}:${item.line} ${problem}`)
      if (to !== null) targets.push({ to, typeOnly: item.typeOnly })
    }
  }
  return [...found, ...cycles(edges), ...clientLoads(tree, edges)]
}

/** The file that a relative import names; null for a package. */
function resolveImport(file: string, item: Import): string | null {
  if (!item.specifier?.startsWith('.')) return null
  return path.posix.join(path.posix.dirname(file), item.specifier)
}

function roomOf(file: string): string {
  const [top, room, rest] = file.split('/')
  if (top !== 'src') return 'outside src'
  return rest === undefined ? 'index' : room!
}

/** Every room reachable over the arrows. The simulator's "anything" is its own: it does not pass to the cli. */
function allowedRooms(room: string): Set<string> {
  const allowed = new Set<string>([room])
  const visit = (name: string) => {
    for (const next of ARROWS[name] ?? []) {
      if (next === '*' || allowed.has(next)) continue
      allowed.add(next)
      visit(next)
    }
  }
  visit(room)
  for (const leaf of LEAVES[room] ?? ['util', 'block']) allowed.add(leaf)
  return allowed
}

function arrowProblem(file: string, to: string): string | null {
  const from = roomOf(file)
  const target = roomOf(to)
  if (target === 'outside src') return `imports ${to}, outside src`
  if (from === 'index')
    return ['api', 'client', 'util', 'sim'].includes(target) ? null : indexProblem(file, to)
  if (ARROWS[from] === undefined) return `lies in no room of the architecture (${from})`
  if (target === 'index') return 'imports an index: the entries are for users'
  if (SHARED_FORMATS.has(file) && !SHARED_FORMATS.has(to) && target !== 'util' && target !== 'block') {
    return `imports ${to}: a shared format stands on the leaves only`
  }
  if (from === target || ARROWS[from].includes('*')) return null
  if (from === 'client' && SHARED_FORMATS.has(to)) return null
  if (target === 'env') return envProblem(file, from, to)
  return allowedRooms(from).has(target) ? null : `imports ${to}: no arrow ${from} → ${target}`
}

function indexProblem(file: string, to: string): string {
  return `imports ${to}: ${file} hands out api, client, sim and util only`
}

function envProblem(file: string, from: string, to: string): string | null {
  if (to === 'src/env/ports.ts' && LEAVES[from] === undefined) return null
  for (const [place, open] of Object.entries(ENV_FILES)) {
    if (file.startsWith(place) && (open.includes('*') || open.includes(to))) return null
  }
  return `imports ${to}: of env only its ports are open to ${from}`
}

function packageProblem(file: string, item: Import, declared: ReadonlySet<string>): string | null {
  const { specifier } = item
  if (specifier === null) {
    return COMPUTED_IMPORTS.has(file) ? null : 'imports a module whose name is computed'
  }
  if (specifier.startsWith('node:')) return null
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (BUILTINS.has(name)) return `imports ${specifier} without node:`
  if (WITHOUT_PACKAGES.has(roomOf(file))) return `imports the package ${name}: ${roomOf(file)} stands on none`
  const home = PACKAGE_HOMES[name]
  if (home !== undefined && !file.startsWith(home)) return `imports ${name}: only ${home} may`
  return declared.has(name) ? null : `imports ${name}, which is no dependency of package.json`
}

function entryViolations(file: string, source: string): string[] {
  // What stands at the start of a line is a statement here: the formatter sees to that.
  const stray = source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => /^\S/.test(line) && !/^(export (type )?[{*]|\}|\/\/)/.test(line))
  return stray.map((line) => `${file} holds more than exports: ${line}`)
}

type Edges = ReadonlyMap<string, ReadonlyArray<{ to: string; typeOnly: boolean }>>

/** Each cycle once, named by the files on it. Types count: a cycle of types is a cycle of thoughts. */
function cycles(edges: Edges): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string) => {
    const start = path.indexOf(file)
    if (start >= 0) found.push(`cycle: ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    path.push(file)
    for (const { to } of edges.get(file) ?? []) visit(to)
    path.pop()
    done.add(file)
  }
  for (const file of edges.keys()) visit(file)
  return found
}

/** `flotilla/client` must run where the engine has no binary: nothing that it loads, however far, may name the engine. */
function clientLoads(tree: SourceTree, edges: Edges): string[] {
  const reached = new Set(Object.keys(tree).filter((file) => /^src\/client[./]/.test(file)))
  for (const file of reached) {
    for (const { to, typeOnly } of edges.get(file) ?? []) if (!typeOnly) reached.add(to)
  }
  const heavy = (file: string) =>
    listImports(tree[file] ?? '').some(
      (item) => !item.typeOnly && (item.specifier === 'rocksdb' || item.specifier === 'piscina'),
    )
  return [...reached].filter(heavy).map((file) => `the client loads ${file}, which loads the engine`)
}
