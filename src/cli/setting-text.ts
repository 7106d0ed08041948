import { resolve } from 'node:path'
import type { StoreOptionRow } from '../api/option-table.ts'
import { UsageError } from './usage-error.ts'

/**
 * The value that a text means. What is no value of its form stays a text where the schema will say so; `from` is where the
 * text stands, `base` the directory that a relative path begins at. Throws UsageError.
 */
export function valueOfText(row: StoreOptionRow, text: string, from: string, base: string): unknown {
  switch (row.form) {
    case 'number':
      return /^\d+$/.test(text) ? Number(text) : text
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim())
    case 'path':
    case 'module':
      return text === '' ? text : resolve(base, text)
    case 'addresses':
      return addressesOf(text, from)
    case 'switch':
      if (text === 'true' || text === 'false') return text === 'true'
      throw new UsageError(`${from} must be true or false, not ${JSON.stringify(text)}`)
    default:
      return text
  }
}

/** 's1=host:port,s2=host:port'. */
function addressesOf(text: string, from: string): Record<string, string> {
  const addresses = new Map<string, string>()
  for (const part of text.split(',')) {
    const [, storeId, address] = /^\s*([^=]*[^=\s])\s*=\s*(\S+)\s*$/.exec(part) ?? []
    if (storeId === undefined || address === undefined) {
      throw new UsageError(
        `${from}: ${JSON.stringify(part)} is no id=host:port: it takes s1=host:port,s2=host:port`,
      )
    }
    if (addresses.has(storeId)) throw new UsageError(`${from} names ${JSON.stringify(storeId)} twice`)
    addresses.set(storeId, address)
  }
  return Object.fromEntries(addresses)
}
