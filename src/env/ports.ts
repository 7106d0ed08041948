import type { QueueLimits } from '../util/queue-limits.ts'

/**
 * The ports through which everything outside reaches the engine. Production code never reads a clock, draws a number,
 * opens a file or a socket but through these; so a whole cluster runs in one thread on simulated ones.
 */
export interface Clock {
  /** Monotonic milliseconds, fractional. The only clock that decisions use. */
  monotonicMs(): number
  /** Wall clock, for humans' log lines only. */
  wallMs(): number
}

export type TimerHandle = { readonly timer: unique symbol } | object

export interface Timers {
  /** One shot. An open timer keeps the process alive only when `ref` is true (default true). */
  setTimeout(callback: () => void, delayMs: number): TimerHandle
  clearTimeout(handle: TimerHandle): void
  /** After the I/O callbacks of this turn of the event loop. */
  setImmediate(callback: () => void): void
}

export interface RandomSource {
  /** In [0, 1). */
  float(): number
  uint32(): number
  bytes(length: number): Buffer
}

/**
 * A file that is read and changed in place. Its calls are synchronous and small: only a thread that has nothing else to
 * do (a shard's worker) uses it. Each throws STORAGE_FAILED.
 */
export interface OpenFile {
  size(): number
  /** Fills `into` from `position` on and returns how many bytes it got: fewer only at the end of the file. */
  read(into: Buffer, position: number): number
  write(bytes: Buffer, position: number): void
  truncate(size: number): void
  /** What was done before the call is on the disk when it resolves (fdatasync). */
  sync(): Promise<void>
  /** Idempotent; not while a sync is under way. */
  close(): void
}

export interface Files {
  makeDir(path: string): Promise<void>
  /** Names in a directory; an absent directory is empty. */
  list(path: string): Promise<string[]>
  /** Null when absent. */
  readFile(path: string): Promise<Buffer | null>
  /** Atomic and durable: temporary file, fsync, rename, fsync of the directory. */
  writeFile(path: string, bytes: Buffer): Promise<void>
  /** As `writeFile`, but of all who do so at once, in whatever process, one alone gets true; false when it is there. */
  createFile(path: string, bytes: Buffer): Promise<boolean>
  /** For reading and writing in place; null when absent. */
  openFile(path: string): Promise<OpenFile | null>
  /** Renames a file or a directory; durable. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all that is in it; durable. An absent one is fine. */
  remove(path: string): Promise<void>
}

export interface SocketHandlers {
  onConnect?(): void
  /** `bytes` is the receiver's to keep. */
  onData(bytes: Buffer): void
  /** The socket's buffer has run empty after `write` returned false. */
  onDrain?(): void
  /** Exactly once, the last call. */
  onClose(error: Error | null): void
}

export interface Socket {
  /** Text for log lines: address and port of the other end. */
  readonly remote: string
  /** Bytes written and not yet taken by the system. */
  readonly bufferedBytes: number
  setHandlers(handlers: SocketHandlers): void
  /** Writes the chunks in one go. False when the buffer is above its high-water mark. Not called after destroy. */
  write(chunks: readonly Buffer[]): boolean
  pause(): void
  resume(): void
  /** Idempotent. `onClose` follows. */
  destroy(): void
}

export interface Listener {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

export interface Sockets {
  /** Rejects with FlotillaError ADDRESS_IN_USE or ADDRESS_INVALID. Port 0 takes a free one. */
  listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Listener>
  /** Never throws; failure arrives as `onClose`. */
  connect(host: string, port: number): Socket
}

/** One end of a channel between the main thread and a shard's worker. Messages are structured-cloned. */
export interface ThreadPort {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  setHandler(onMessage: (message: unknown) => void): void
}

export interface ShardThread extends ThreadPort {
  /** Resolves when the worker's task has settled: null after an orderly end, else why it died. */
  readonly ended: Promise<Error | null>
  /** Ends the thread at once, without waiting for its work. Idempotent. */
  terminate(): Promise<void>
}

export interface Threads {
  /** Starts the worker of a shard; `init` must survive structured clone. */
  startShard(init: unknown): ShardThread
}

/** Key and value are copied during the call: the caller may use its Buffers again. */
export interface EngineBatch {
  put(key: Buffer, value: Buffer): void
  del(key: Buffer): void
  readonly count: number
  readonly byteLength: number
}

export interface EngineRange {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
  readonly reverse?: boolean
  /** Default true. Values that came from an iterator are not verified by the engine: see ARCHITECTURE section 8. */
  readonly values?: boolean
}

export interface EngineIterator {
  /** Up to about `maxRows` rows in order; an empty array at the end. Sees the state at the iterator's creation. */
  next(maxRows: number): Promise<Array<[key: Buffer, value: Buffer]>>
  close(): Promise<void>
}

export interface EngineDb {
  /** Bytes of rows that are worth gathering in memory before they are written in one batch, without sync. */
  readonly gatherBytes: number
  /** In the order of `keys`, null where absent: as it is at the call. Verifies the engine's checksums. */
  getMany(keys: readonly Buffer[]): Promise<Array<Buffer | null>>
  createBatch(): EngineBatch
  /** All or nothing. With `sync` it resolves after the fsync. Rejects with FlotillaError STORAGE_FAILED. */
  write(batch: EngineBatch, sync: boolean): Promise<void>
  iterator(range: EngineRange): EngineIterator
  /** Engine's own counters, '' when unknown (`rocksdb.background-errors`, …). */
  property(name: string): string
  close(): Promise<void>
}

export interface EngineOptions {
  readonly writeBufferBytes: number
  readonly compression: boolean
}

export interface Engine {
  /** Rejects with DATA_DIR_LOCKED, STORAGE_FAILED or CORRUPT. Creates the directory when absent. */
  open(path: string, options: EngineOptions): Promise<EngineDb>
  /** Whether somebody has `path` open now, in this or another process. Changes nothing. */
  isLocked(path: string): Promise<boolean>
}

/** A running SHA-256. */
export interface Hash {
  update(bytes: Uint8Array): void
  /** 32 bytes; the hash is not used after it. */
  digest(): Buffer
}

/** What a shard's worker may touch. */
export interface Disk {
  readonly engine: Engine
  readonly files: Files
  readonly clock: Clock
  readonly timers: Timers
  readonly random: RandomSource
  hash(): Hash
  /** After what already waits in the worker's event loop. */
  setImmediate(callback: () => void): void
}

/** The shape of a pino logger, as much of it as we use. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: Record<string, unknown>): Logger
}

/** What a process without a store needs. */
export type ClientEnv = Pick<Env, 'clock' | 'timers' | 'random' | 'sockets' | 'logger'>

export interface Env {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: RandomSource
  readonly files: Files
  readonly sockets: Sockets
  readonly threads: Threads
  readonly logger: Logger
  /** Set by the simulator alone: it gets a store's host before that starts, to check it from outside after every step. */
  readonly inspect?: (host: object) => void
  /** Set by the simulator alone: queues that are full sooner. Default: QUEUE_LIMITS. */
  readonly limits?: QueueLimits
}
