import { keyText } from './kv-text.ts'

/** A key of the one key space in its two parts: the keyspace's name behind its length, and the user's key. */
export function splitFullKey(full: Buffer): { keyspace: string; key: Buffer } {
  const prefixBytes = 1 + (full[0] ?? 0)
  return { keyspace: full.toString('utf8', 1, prefixBytes), key: full.subarray(prefixBytes) }
}

/** The keys of a region, for people: 'from default/m on', 'default/a … default/m', 'all keys'. */
export function formatRegion(region: { readonly start: Buffer; readonly end: Buffer | null }): string {
  const bound = (full: Buffer): string => {
    const { keyspace, key } = splitFullKey(full)
    return `${keyspace}/${keyText(key)}`
  }
  const { start, end } = region
  if (start.length === 0) return end === null ? 'all keys' : `below ${bound(end)}`
  return end === null ? `from ${bound(start)} on` : `${bound(start)} … ${bound(end)}`
}
