import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Paths from the root of the repository, with `/`, and what the files hold. What every tidy rule is a function of. */
export type SourceTree = Readonly<Record<string, string>>

/** The tests run from dist, so the root is found by its package.json. */
export function repositoryRoot(): string {
  let dir = path.dirname(fileURLToPath(import.meta.url))
  while (!fs.existsSync(path.join(dir, 'package.json'))) dir = path.dirname(dir)
  return dir
}

/** The hand-written sources under `dir` (generated code keeps its generator's habits). */
export function readSourceTree(dir: string): SourceTree {
  const root = repositoryRoot()
  const tree: Record<string, string> = {}
  for (const entry of fs.readdirSync(path.join(root, dir), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.[cm]?[jt]s$/.test(entry.name)) continue
    const name = path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/')
    if (name.startsWith('src/rpc/generated/')) continue
    tree[name] = fs.readFileSync(path.join(root, name), 'utf8')
  }
  return tree
}
