import type { Files } from '../env/ports.ts'

const MANIFEST_NAME = /^MANIFEST-\d+$/
const DATA_NAME = /^\d+\.(?:log|sst|ldb)$/
const CURRENT_CONTENT = /^(MANIFEST-\d+)\n$/

/**
 * What is wrong with the names in a RocksDB directory; null when nothing is. Without its CURRENT, RocksDB would take the
 * directory for a new one and remove all that is in it. `hasData` says that the directory is known to have held something.
 */
export async function checkRocksFiles(files: Files, dir: string, hasData: boolean): Promise<string | null> {
  const names = await files.list(dir)
  const manifests = names.filter((name) => MANIFEST_NAME.test(name))
  const data = names.filter((name) => DATA_NAME.test(name))
  if (!names.includes('CURRENT')) {
    // A birth that was cut short leaves a MANIFEST alone.
    if (data.length === 0 && (manifests.length === 0 || !hasData)) return null
    return `CURRENT is gone, beside ${[...manifests, ...data].slice(0, 3).join(', ')}`
  }
  const manifest = await currentManifest(files, dir)
  if (manifest === null) return 'CURRENT is not what was written'
  return names.includes(manifest) ? null : `${manifest}, which CURRENT names, is gone`
}

/** The MANIFEST that CURRENT names in `dir`; null when CURRENT names none. */
export async function currentManifest(files: Files, dir: string): Promise<string | null> {
  const current = await files.readFile(`${dir}/CURRENT`)
  return CURRENT_CONTENT.exec(current?.toString('latin1') ?? '')?.[1] ?? null
}
