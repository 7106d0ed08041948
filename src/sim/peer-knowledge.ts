import { decodeCheckedText } from '../store/checked-text.ts'
import { IDENTITY_FILE, type Identity } from '../store/identity.ts'
import { PEERS_FILE, type PeersFile } from '../store/peer-memory.ts'
import type { DiskImage } from './disk.ts'
import type { SimProcess } from './process.ts'

/** How often the store of a directory had been started when its content was this; 0 when it was none yet. */
export function bootOf({ dir }: SimProcess, content: Pick<DiskImage, 'files'>): number {
  const bytes = content.files.get(`${dir}/${IDENTITY_FILE}`)
  return bytes === undefined ? 0 : (decodeCheckedText<Identity>('identity', bytes)?.boot ?? 0)
}

/** The newest start of the store `subject` that `witness` has on its disk, which no crash takes; 0 when it never met it. */
export function knownBoot(witness: SimProcess, subject: SimProcess): number {
  const bytes = witness.disk.files.get(`${witness.dir}/${PEERS_FILE}`)
  if (bytes === undefined) return 0
  const peers = decodeCheckedText<PeersFile>('peers', bytes)?.peers ?? []
  return peers.find(({ storeId }) => storeId === subject.name)?.boot ?? 0
}
