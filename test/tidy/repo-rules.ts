import os from 'node:os'
import type { SourceTree } from './source-tree.ts'

export interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** Scripts that npm runs by itself: they would run at a user's install, or behind a command that does not name them. */
const LIFECYCLE = /^(pre|post)|^(install|prepare|dependencies)$/

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/

export function manifestViolations(manifest: Manifest, lock: Lockfile): string[] {
  const found: string[] = []
  for (const name of Object.keys(manifest.scripts ?? {})) {
    if (LIFECYCLE.test(name)) found.push(`script ${name} runs unasked`)
  }
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const locked = lock.packages[`node_modules/${name}`]?.version
    if (!EXACT.test(version)) found.push(`${name} is not pinned: ${version}`)
    else if (locked !== version) found.push(`${name} is pinned at ${version} and locked at ${locked}`)
  }
  return found
}

/**
 * A lockfile must not name a registry (`resolved`), and must lock whatever a locked package asks for, the packages of other
 * platforms too: `npm ci` refuses it otherwise, on every machine.
 */
export function lockViolations(lock: Lockfile): string[] {
  const found: string[] = []
  for (const [place, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined) found.push(`${place} is locked to ${entry.resolved}`)
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      if (!isLocked(lock, place, name))
        found.push(`${place || 'package.json'} asks for ${name}, which is not locked`)
    }
  }
  return found
}

/** Node's own search: the package's folder, then those around it. */
function isLocked(lock: Lockfile, place: string, name: string): boolean {
  for (let from = place; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/')))) {
    const candidate = `${from === '' ? '' : `${from}/`}node_modules/${name}`
    if (lock.packages[candidate] !== undefined) return true
    if (from === '') return false
  }
}

const TOP_LEVEL: ReadonlySet<string> = new Set([
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'src',
  'proto',
  'bench',
  'test',
  'docs',
  'README.md',
  'LICENSE',
  '.ci',
  'setup.mjs',
  '.gitignore',
  '.npmrc',
  'biome.json',
  'vitest.config.mjs',
])

export function topLevelViolations(files: readonly string[]): string[] {
  const tops = new Set(files.map((file) => file.split('/')[0]!))
  return [...tops].filter((top) => !TOP_LEVEL.has(top)).map((top) => `${top} has no place at the top level`)
}

/** Home directories, and where this checkout happens to lie: a path that is true on one machine only. */
const MACHINE_PATHS = /(?<![\w.~-])\/(home|Users)\/[\w.-]+\/|(?<![\w.~/-])\/(root|work)\/\w/

export function machinePathViolations(tree: SourceTree, root: string): string[] {
  const own = [root, os.homedir()].filter((dir) => dir.split('/').length > 2).map((dir) => `${dir}/`)
  const found: string[] = []
  for (const [file, source] of Object.entries(tree)) {
    source.split('\n').forEach((line, i) => {
      if (MACHINE_PATHS.test(line) || own.some((dir) => line.includes(dir))) {
        found.push(`${file}:${i + 1} names a path of one machine`)
      }
    })
  }
  return found
}
