import type { Env, Files } from '../env/ports.ts'
import type { PeerHello, StoreAddress } from '../rpc/handshake.ts'
import type { HashedWheelTimer } from '../timer/hashed-wheel-timer.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_KNOWN_STORES, PEER_MEMORY_SAVE_MS } from '../util/limits.ts'
import {
  type AddressEntry,
  changeAddress,
  configureAddress,
  learnAddress,
  outbid,
  unknownAddress,
} from './address-entry.ts'
import { decodeCheckedText, encodeCheckedText } from './checked-text.ts'
import { judgePeer, type KnownPast } from './peer-judgement.ts'

export const PEERS_FILE = 'peers.json'
export const PEERS_FORMAT = 1

interface PeerRecord extends AddressEntry {
  readonly storeId: string
  /** '' until the store was met. */
  incarnation: string
  boot: number
  process: number
  readonly flushSeen: number[]
}

/** As {@link PEERS_FILE} holds it, behind a CRC. */
export interface PeersFile {
  readonly format: number
  /** Whose memory this is: one that was copied here says nothing of ours. */
  readonly owner: { readonly storeId: string; readonly incarnation: string }
  readonly own: AddressEntry
  /** Who says that this very store was replaced or rolled back, and why. */
  readonly accusations: Readonly<Record<string, string>>
  readonly peers: readonly PeerRecord[]
}

export interface PeerMemoryOptions {
  readonly files: Files
  readonly dataDir: string
  readonly storeId: string
  readonly incarnation: string
  /** The memory could not be written: the store must not go on. */
  onFailed(error: FlotillaError): void
  /** Calls back once, about `delayMs` later. */
  schedule(delayMs: number, callback: () => void): void
}

export interface MemoryOwner {
  readonly wheel: HashedWheelTimer
  fail(error: FlotillaError): void
}

const NOBODY: KnownPast = { storeId: '', incarnation: '', boot: 0, process: 0, flushSeen: [] }

/** The memory in a store's directory. `late` is filled in when the store is there. */
export function openMemory(
  {
    env,
    dataDir,
    storeId,
  }: { readonly env: Pick<Env, 'files'>; readonly dataDir: string; readonly storeId: string },
  { incarnation, boot }: { readonly incarnation: string; readonly boot: number },
  late: { readonly host: MemoryOwner | null },
): Promise<PeerMemory> {
  const options: PeerMemoryOptions = {
    files: env.files,
    dataDir,
    storeId,
    incarnation,
    onFailed: (error) => late.host?.fail(error),
    schedule: (delayMs, callback) => late.host?.wheel.schedule(delayMs, callback),
  }
  return PeerMemory.open(options, boot)
}

/**
 * What a store knows of others, kept in one small file beside the identity. Which life of a store it deals with is on disk
 * before the first message of that life is heard; flush numbers and addresses follow every few seconds and at the end.
 */
export class PeerMemory {
  /** The file was not there though the store has run before: what it knew is forgotten. */
  readonly forgotten: boolean
  readonly #o: PeerMemoryOptions
  readonly #peers = new Map<string, PeerRecord>()
  readonly #accusations = new Map<string, string>()
  readonly #own: AddressEntry
  /** Lives that are on their way to the disk. */
  readonly #recording = new Map<string, Promise<void>>()
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | null = null
  #dirty = false
  #armed = false
  #closed = false

  /** Rejects with CORRUPT, IDENTITY_MISMATCH or STORAGE_FAILED. `boot` is the number of the last start, 0 at birth. */
  static async open(options: PeerMemoryOptions, boot: number): Promise<PeerMemory> {
    const path = `${options.dataDir}/${PEERS_FILE}`
    const bytes = await options.files.readFile(path)
    if (bytes === null) {
      const fresh = new PeerMemory(options, null, boot > 0)
      await fresh.save()
      return fresh
    }
    const file = decodeCheckedText<PeersFile>('peers', bytes)
    if (file === null || file.format !== PEERS_FORMAT) {
      throw new FlotillaError(
        'CORRUPT',
        `${path} is damaged: the store does not know which lives of other stores it has dealt with. Put the file back from ` +
          'a copy; or remove it, which is safe when no other store was wiped or rolled back since',
      )
    }
    const { storeId, incarnation } = file.owner
    if (storeId !== options.storeId || incarnation !== options.incarnation) {
      throw new FlotillaError(
        'IDENTITY_MISMATCH',
        `${path} is of store ${storeId} (${incarnation}), the directory of store ${options.storeId} ` +
          `(${options.incarnation}). Remove the file that was put there`,
      )
    }
    return new PeerMemory(options, file, false)
  }

  private constructor(options: PeerMemoryOptions, file: PeersFile | null, forgotten: boolean) {
    this.#o = options
    this.forgotten = forgotten
    this.#own = file?.own ?? unknownAddress()
    for (const peer of file?.peers ?? []) this.#peers.set(peer.storeId, peer)
    for (const [by, why] of Object.entries(file?.accusations ?? {})) this.#accusations.set(by, why)
  }

  // ---- lives ------------------------------------------------------------------------------------------------------

  /** What is known of a store's past; of a stranger nothing. */
  past(storeId: string): KnownPast {
    return this.#peers.get(storeId) ?? NOBODY
  }

  judge(hello: PeerHello): FlotillaError | null {
    return judgePeer(this.past(hello.storeId), hello)
  }

  /** Remembers who says hello: null when it is on disk already, else a promise. Throws BUSY when there are too many. */
  admit(hello: PeerHello): Promise<void> | null {
    const { storeId } = hello
    const peer = this.#make(storeId)
    const known = peer.incarnation === hello.incarnation && peer.boot === hello.boot
    if (known && peer.process === hello.process) return this.#recording.get(storeId) ?? null
    peer.incarnation = hello.incarnation
    peer.boot = hello.boot
    peer.process = hello.process
    this.noteFlushes(storeId, hello.flushClaimed)
    const recording = this.save().finally(() => {
      if (this.#recording.get(storeId) === recording) this.#recording.delete(storeId)
    })
    this.#recording.set(storeId, recording)
    return recording
  }

  /** A store's highest durable flushes, as it tells them. */
  noteFlushes(storeId: string, claimed: readonly number[]): void {
    const seen = this.#peers.get(storeId)?.flushSeen
    if (seen === undefined) return
    for (let i = 0; i < claimed.length; i++) {
      if ((seen[i] ?? 0) >= claimed[i]!) continue
      while (seen.length < i) seen.push(0)
      seen[i] = claimed[i]!
      if (!this.#dirty) this.#saveSoon()
    }
  }

  #make(storeId: string): PeerRecord {
    let peer = this.#peers.get(storeId)
    if (peer !== undefined) return peer
    if (this.#peers.size >= MAX_KNOWN_STORES) {
      throw new FlotillaError(
        'BUSY',
        `store ${this.#o.storeId} knows ${MAX_KNOWN_STORES} stores, no more fit`,
      )
    }
    peer = { storeId, incarnation: '', boot: 0, process: 0, flushSeen: [], ...unknownAddress() }
    this.#peers.set(storeId, peer)
    return peer
  }

  // ---- what others say against this store -------------------------------------------------------------------------

  get accusations(): ReadonlyMap<string, string> {
    return this.#accusations
  }

  /** True when it is news. */
  accuse(by: string, why: string): boolean {
    if (this.#accusations.has(by)) return false
    if (this.#accusations.size >= MAX_KNOWN_STORES) return false
    this.#accusations.set(by, why)
    this.#saveNow()
    return true
  }

  /** True when it had said something. */
  withdraw(by: string): boolean {
    if (!this.#accusations.delete(by)) return false
    this.#saveNow()
    return true
  }

  // ---- addresses --------------------------------------------------------------------------------------------------

  get own(): Readonly<AddressEntry> {
    return this.#own
  }

  /** What the options say: our own address ('' when none is known) and the others' first addresses. */
  configure(own: string, stores: Readonly<Record<string, string>>): void {
    let changed = configureAddress(this.#own, own)
    if (this.#own.version === 0 && own !== '') this.#own.version = 1
    for (const [storeId, address] of Object.entries(stores)) {
      if (storeId === this.#o.storeId) continue
      changed = configureAddress(this.#make(storeId), address) || changed
    }
    if (changed) this.#saveNow()
  }

  /** An operator says where a store is from now on. */
  setAddress(storeId: string, address: string): void {
    const entry = storeId === this.#o.storeId ? this.#own : this.#make(storeId)
    if (changeAddress(entry, address)) this.#saveNow()
  }

  addressOf(storeId: string): string {
    return this.#peers.get(storeId)?.address ?? ''
  }

  /** Every address that is known, the one of `first` before all others. */
  addresses(first: string): StoreAddress[] {
    const known: StoreAddress[] = []
    for (const { storeId, address, version } of this.#peers.values()) {
      if (address === '') continue
      if (storeId === first) known.unshift({ storeId, address, version })
      else known.push({ storeId, address, version })
    }
    return known
  }

  /** Takes over what a handshake told of addresses; returns the stores that are elsewhere now. */
  learn(hello: PeerHello): string[] {
    const moved: string[] = []
    const { storeId, address, addressVersion } = hello
    this.#learnOne(storeId, address, addressVersion, true, moved)
    for (const entry of hello.addresses) {
      if (entry.storeId !== storeId) this.#learnOne(entry.storeId, entry.address, entry.version, false, moved)
    }
    return moved
  }

  #learnOne(storeId: string, address: string, version: number, fromOwner: boolean, moved: string[]): void {
    if (storeId === '' || address === '') return
    if (storeId === this.#o.storeId) {
      if (outbid(this.#own, address, version)) this.#saveSoon()
      return
    }
    if (!this.#peers.has(storeId) && this.#peers.size >= MAX_KNOWN_STORES) return
    const peer = this.#make(storeId)
    const before = peer.address
    if (!learnAddress(peer, address, version, fromOwner)) return
    this.#saveSoon()
    if (before !== address) moved.push(storeId)
  }

  // ---- the disk ---------------------------------------------------------------------------------------------------

  /** Resolves when all that is known now is on disk. Rejects with STORAGE_FAILED, which the owner is told too. */
  save(): Promise<void> {
    this.#dirty = false
    // A write that has not begun yet takes along what changes until it does.
    if (this.#next !== null) return this.#next
    const begin = (): Promise<void> => {
      this.#next = null
      return this.#write()
    }
    this.#next = this.#last.then(begin, begin)
    this.#last = this.#next
    return this.#next
  }

  async #write(): Promise<void> {
    const { files, dataDir, storeId, incarnation } = this.#o
    const file: PeersFile = {
      format: PEERS_FORMAT,
      owner: { storeId, incarnation },
      own: this.#own,
      accusations: Object.fromEntries(this.#accusations),
      peers: [...this.#peers.values()],
    }
    try {
      await files.writeFile(`${dataDir}/${PEERS_FILE}`, encodeCheckedText('peers', file))
    } catch (error) {
      const failure = toFlotillaError(error, 'STORAGE_FAILED')
      this.#o.onFailed(failure)
      throw failure
    }
  }

  #saveNow(): void {
    if (this.#closed) return
    // The owner is told of a failure by the write itself.
    this.save().catch(() => {})
  }

  #saveSoon(): void {
    this.#dirty = true
    if (this.#armed || this.#closed) return
    this.#armed = true
    this.#o.schedule(PEER_MEMORY_SAVE_MS, () => {
      this.#armed = false
      if (this.#dirty) this.#saveNow()
    })
  }

  /** Writes what has not been written; does not wait for a disk that has failed. Never rejects. */
  async close(sound: boolean): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (sound) await (this.#dirty ? this.save() : this.#last).catch(() => {})
  }
}
