import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where package.json and the docs lie: three levels above the compiled tests. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Pages by their path from the root: README.md, docs/….md. */
export function readPages(): ReadonlyMap<string, string> {
  const names = readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  const files = ['README.md', ...names.sort().map((name) => `docs/${name}`)]
  return new Map(files.map((file) => [file, readFileSync(path.join(ROOT, file), 'utf8')]))
}

/** Where a link of `page` leads, as a path from the root and the name of a heading. */
export function targetOf(page: string, link: string): { readonly file: string; readonly anchor: string } {
  const [file, anchor = ''] = link.split('#') as [string, string?]
  return { file: file === '' ? page : path.posix.join(path.posix.dirname(page), file), anchor }
}

export function isThere(file: string): boolean {
  return existsSync(path.join(ROOT, file))
}
