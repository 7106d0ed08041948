import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Calls `body` with a fresh directory, removed afterwards. */
export async function withTempDir<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-test-cli-'))
  try {
    return await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Writes files by their path relative to `root`. */
export async function writeTree(
  root: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content)
  }
}

/** Small files of many sizes, the same each time: `count` of them, with `bytes` each on average. */
export function someFiles(count: number, bytes: number): Record<string, Buffer> {
  const files: Record<string, Buffer> = {}
  for (let i = 0; i < count; i++) {
    const size = Math.round((2 * bytes * ((i * 37) % 100)) / 99)
    const content = Buffer.alloc(size)
    for (let at = 0; at < size; at++) content[at] = (i * 31 + at * 7) & 0xff
    files[`dir-${i % 7}/sub-${i % 3}/file-${i}.bin`] = content
  }
  return files
}
