import { KV_EXPORT } from './kv-export-verb.ts'
import { KV_IMPORT } from './kv-import-verb.ts'
import { KV_DEL, KV_GET, KV_PUT } from './kv-point-verbs.ts'
import { KV_SCAN } from './kv-scan-verb.ts'
import type { Noun } from './verb.ts'

export const KV: Noun = {
  name: 'kv',
  summary: 'read and write the keys of a running cluster, through any of its stores',
  verbs: [KV_PUT, KV_GET, KV_DEL, KV_SCAN, KV_IMPORT, KV_EXPORT],
}
