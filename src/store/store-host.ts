import type { Clock, Env, Timers } from '../env/ports.ts'
import type { LogCacheBudget } from '../raft/log-manager.ts'
import { NodeImpl } from '../raft/node-impl.ts'
import type { NodeOptions } from '../raft/node-options.ts'
import type { Fsm, GroupHost, RaftTimers } from '../raft/ports.ts'
import { isClientId } from '../rpc/handshake.ts'
import type { PeerLink } from '../rpc/messages.ts'
import { RpcMultiplexer } from '../rpc/multiplexer.ts'
import type { LogShard } from '../storage/log-shard.ts'
import type { RecoveredReplica } from '../storage/replica-write.ts'
import { HashedWheelTimer } from '../timer/hashed-wheel-timer.ts'
import { RepeatedTimer } from '../timer/repeated-timer.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { hash32 } from '../util/hash.ts'
import { DEFAULT_MAX_LOG_BYTES, MAX_SHARD_CLOSE_MS, MAX_STATE_MACHINE_CLOSE_MS } from '../util/limits.ts'
import { QUEUE_LIMITS, type QueueLimits } from '../util/queue-limits.ts'
import { refusalOfNewName } from '../util/names.ts'
import { atMost, closeShards } from './bounded-close.ts'
import { FlushWatch } from './flush-watch.ts'
import { firstConfigurationOf, GroupReplica, KV_TYPE } from './group-replica.ts'
import { checkSpec, compareSpecs, encodeFirstConfiguration, type GroupSpec } from './group-spec.ts'
import { type Identity, openIdentity, raiseBoot } from './identity.ts'
import { dialable, splitAddress } from './listen-address.ts'
import { LogTruncation } from './log-truncation.ts'
import { makeMachine } from './make-machine.ts'
import { openShards } from './open-shards.ts'
import { openMemory, type PeerMemory } from './peer-memory.ts'
import { RaftDispatcher, type WireHandlers } from './raft-dispatcher.ts'
import { ShardFsm } from './shard-fsm.ts'
import { judgeAnew } from './stalls.ts'
import { type FsmFactory, StateMachineFsm } from './state-machine-fsm.ts'
import { StorePeers } from './store-peers.ts'
import { Turn, type TurnWork } from './turn.ts'

export interface StoreHandlers extends WireHandlers {
  onLeaderChange(groupId: string, leaderStoreId: string, term: number): void
  onGroupError(groupId: string, error: FlotillaError): void
  /** The event loop stood still for about `lateMs`. */
  onStall(lateMs: number): void
  /** Store `by` says that this one was replaced or rolled back: it counts toward no quorum any more. */
  onSuspect?(by: string, error: FlotillaError): void
}

export interface StoreHostOptions {
  readonly env: Env
  readonly clusterId: string
  readonly storeId: string
  readonly dataDir: string
  /** Address book: 'host:port' by store id. */
  readonly stores: Readonly<Record<string, string>>
  readonly listen: string
  readonly shards: number
  /** See StoreOptions.maxLogBytes. */
  readonly maxLogBytes?: number
  readonly nodeOptions: NodeOptions
  readonly types: ReadonlyMap<string, FsmFactory>
  readonly handlers: StoreHandlers
}

/** A fresh group's preferred leader stands for election this soon after its birth, until it has a leader. */
const FIRST_ELECTION_DELAYS_MS = [20, 60, 150, 400]

/**
 * One store: the services that all its groups share (turn, wheel, multiplexer, log shards) and the groups. It fails as a
 * whole: the first storage error ends every promise.
 */
export class StoreHost {
  readonly identity: Identity
  readonly limits: QueueLimits
  readonly turn: Turn
  readonly wheel: HashedWheelTimer
  readonly multiplexer: RpcMultiplexer
  /** Who the other stores are, where they are, and what they hold against this one. */
  readonly peerBook: StorePeers
  /** Resolves when the store has ended: null after close(), else why. */
  readonly closed: Promise<FlotillaError | null>
  readonly #options: StoreHostOptions
  readonly #env: Env
  readonly #shards: LogShard[]
  readonly #groups: Map<string, GroupReplica>
  readonly #bySlot: (GroupReplica | undefined)[] = []
  readonly #cacheBudget: LogCacheBudget
  readonly #creating = new Map<string, Promise<FlotillaError | null>>()
  readonly #raftTimers: RaftTimers
  readonly #flushWatch: FlushWatch
  readonly #truncation: LogTruncation
  #resolveClosed: (reason: FlotillaError | null) => void = () => {}
  #failure: FlotillaError | null = null
  #closing: Promise<void> | null = null

  /** Rejects with IDENTITY_MISMATCH, DATA_DIR_LOCKED, CORRUPT, STORAGE_FAILED, ADDRESS_IN_USE, UNSUPPORTED_PLATFORM. */
  static async open(options: StoreHostOptions): Promise<StoreHost> {
    const { env, clusterId, storeId, dataDir, shards } = options
    const wanted = { clusterId, storeId, shards }
    const found = await openIdentity(env.files, env.random, dataDir, wanted)
    const late: { host: StoreHost | null } = { host: null }
    const opened = await openShards(env, dataDir, found, late)
    try {
      // The engine's lock is held: no other process speaks under the next boot number.
      const memory = await openMemory(options, found, late)
      const identity = await raiseBoot(env.files, env.random, dataDir, wanted)
      const failed = opened.find((shard) => shard.failed !== null)
      if (failed !== undefined) throw failed.failed
      const host = new StoreHost(options, identity, opened, memory)
      late.host = host
      env.inspect?.(host)
      await host.#start()
      if (host.failure !== null) throw host.failure
      return host
    } catch (error) {
      const { host } = late
      const failure = host?.failure ?? null
      if (host === null) await Promise.allSettled(opened.map((shard) => shard.close()))
      else await host.close()
      // A shard that failed meanwhile has closed what start was waiting for: its error is the reason.
      throw failure ?? error
    }
  }

  private constructor(options: StoreHostOptions, identity: Identity, shards: LogShard[], memory: PeerMemory) {
    this.#options = options
    this.#env = options.env
    this.limits = options.env.limits ?? QUEUE_LIMITS
    this.#cacheBudget = { bytes: 0, spokenFor: 0, maxBytes: this.limits.logCacheBytesPerStore }
    this.identity = identity
    this.#shards = shards
    this.#groups = new Map()
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const broken = (error: unknown): void => this.fail(toFlotillaError(error))
    this.turn = new Turn(this.#env.clock, this.#env.timers, () => this.#finishTurn(), broken)
    this.wheel = new HashedWheelTimer(this.#env.clock, this.#env.timers, {
      onStall: (lateMs) => {
        options.handlers.onStall(lateMs)
        judgeAnew(this.#groups.values(), lateMs, options.nodeOptions.electionTimeoutMs)
      },
      onError: broken,
    })
    this.#raftTimers = {
      create: (periodMs, onTrigger) => new RepeatedTimer(this.wheel, { periodMs, onTrigger }),
    }
    this.#flushWatch = new FlushWatch(shards, this.wheel, options.nodeOptions.electionTimeoutMs, {
      onStuck: (shard) => this.#onStuckDisk(shard),
      onBack: (shard) => this.#resume(shard),
    })
    const maxLogBytes = options.maxLogBytes ?? DEFAULT_MAX_LOG_BYTES
    this.#truncation = new LogTruncation(shards, this.wheel, maxLogBytes, this.#groups)
    this.peerBook = new StorePeers(memory, identity, shards, this.#env.logger, {
      onSuspect: (by, error) => this.#onSuspect(by, error),
      onCleared: () => this.#shards.forEach((shard) => this.#resume(shard)),
    })
    this.multiplexer = new RpcMultiplexer({
      ...this.peerBook.hooks,
      identity: this.peerBook.me,
      env: this.#env,
      handlers: new RaftDispatcher(this.#groups, options.handlers),
      heartbeatIntervalMs: options.nodeOptions.heartbeatIntervalMs,
      limits: this.limits,
      scheduleFlush: () => this.turn.schedule(),
      enterTurn: () => this.turn.nowMs(),
    })
  }

  async #start(): Promise<void> {
    this.#flushWatch.start()
    this.#truncation.start()
    const { listen, stores, storeId } = this.#options
    for (const shard of this.#shards) {
      for (const recovered of shard.recovered) this.#startGroup(shard, recovered, true)
    }
    if (this.peerBook.suspicion !== null) this.#suspendAll()
    const { host, port } = splitAddress(listen)
    await this.multiplexer.listen(host, port, dialable(stores[storeId]))
    this.peerBook.start(this.multiplexer, stores)
  }

  #finishTurn(): void {
    for (const shard of this.#shards) shard.flushTurn()
    this.multiplexer.flush()
  }

  // ---- what the client side of this process uses -----------------------------------------------------------------

  get storeId(): string {
    return this.#options.storeId
  }

  get clock(): Clock {
    return this.#env.clock
  }

  get timers(): Timers {
    return this.#env.timers
  }

  /** `host:port` at which other stores reach this one. */
  get listenAddress(): string {
    return this.multiplexer.address
  }

  get failure(): FlotillaError | null {
    return this.#failure
  }

  nowMs(): number {
    return this.turn.nowMs()
  }

  random(): number {
    return this.#env.random.float()
  }

  markDirty(work: TurnWork): void {
    this.turn.markDirty(work)
  }

  /** The other stores; clients are none. */
  peers(): readonly string[] {
    return this.multiplexer
      .links()
      .map((link) => link.storeId)
      .filter((storeId) => !isClientId(storeId))
  }

  link(storeId: string): PeerLink {
    return this.multiplexer.link(storeId)
  }

  local(groupId: string): GroupReplica | null {
    return this.#groups.get(groupId) ?? null
  }

  groups(): Iterable<GroupReplica> {
    return this.#groups.values()
  }

  group(groupId: string): GroupReplica | null {
    return this.#groups.get(groupId) ?? null
  }

  /** Of blocks that all groups keep in memory. */
  get cachedBytes(): number {
    return this.#cacheBudget.bytes
  }

  /** Counters of every shard, and of the wire. */
  stats(): { readonly shards: readonly LogShard['stats'][]; readonly rpc: RpcMultiplexer['stats'] } {
    return { shards: this.#shards.map((shard) => shard.stats), rpc: this.multiplexer.stats }
  }

  // ---- groups -----------------------------------------------------------------------------------------------------

  /**
   * Makes the local replicas of new groups, durably; an equal one that exists is fine. One answer per spec: null, or why
   * not.
   */
  async createGroups(specs: readonly GroupSpec[]): Promise<(FlotillaError | null)[]> {
    const fresh = new Map<string, GroupSpec>()
    const answers = specs.map((spec): Promise<FlotillaError | null> | FlotillaError | null => {
      const refusal = this.#refusalOf(spec)
      if (refusal !== null) return refusal
      const existing = this.#groups.get(spec.groupId)
      if (existing !== undefined) return compareSpecs(existing.spec, spec)
      const twin = fresh.get(spec.groupId)
      if (twin !== undefined) return compareSpecs(twin, spec)
      const running = this.#creating.get(spec.groupId)
      if (running !== undefined) {
        return running.then(
          () => this.#compareWithExisting(spec),
          (error) => toFlotillaError(error),
        )
      }
      const unfit = refusalOfNewName('groupId', spec.groupId) ?? refusalOfNewName('type', spec.type)
      if (unfit !== null) return unfit
      fresh.set(spec.groupId, spec)
      return null
    })
    if (fresh.size > 0) {
      const made = this.#make([...fresh.values()])
      for (const groupId of fresh.keys()) this.#creating.set(groupId, made)
      try {
        await made
      } finally {
        for (const groupId of fresh.keys()) this.#creating.delete(groupId)
      }
    }
    return await Promise.all(answers)
  }

  #refusalOf(spec: GroupSpec): FlotillaError | null {
    const against = this.#failure ?? this.peerBook.suspicion
    if (against !== null) return against
    if (this.#closing !== null)
      return new FlotillaError('CLOSED', 'the store is closed', { outcome: 'not-applied' })
    const bad = checkSpec(spec)
    if (bad !== null) return bad
    const member = spec.members.some(({ storeId }) => storeId === this.storeId)
    return member
      ? null
      : new FlotillaError(
          'INVALID_ARGUMENT',
          `store ${this.storeId} is not a member of group ${spec.groupId}`,
        )
  }

  #compareWithExisting(spec: GroupSpec): FlotillaError | null {
    const existing = this.#groups.get(spec.groupId)
    if (existing !== undefined) return compareSpecs(existing.spec, spec)
    return this.#failure ?? new FlotillaError('CLOSED', 'the store is closed')
  }

  async #make(specs: readonly GroupSpec[]): Promise<FlotillaError | null> {
    const perShard = new Map<LogShard, GroupSpec[]>()
    for (const spec of specs) {
      const shard = this.#shards[hash32(spec.groupId) % this.#shards.length]!
      const list = perShard.get(shard)
      if (list === undefined) perShard.set(shard, [spec])
      else list.push(spec)
    }
    const made = await Promise.all(
      [...perShard].map(([shard, list]) => shard.createReplicas(list.map((spec) => this.#newReplica(spec)))),
    )
    if (this.#failure !== null) throw this.#failure
    if (this.#closing !== null) throw new FlotillaError('CLOSED', 'the store was closed')
    let position = 0
    for (const shard of perShard.keys()) {
      for (const recovered of made[position++]!) this.#startGroup(shard, recovered, false)
    }
    return null
  }

  #newReplica(spec: GroupSpec): Parameters<LogShard['createReplicas']>[0][number] {
    return {
      groupId: spec.groupId,
      replica: spec.members.find(({ storeId }) => storeId === this.storeId)!.replica,
      type: spec.type,
      args: spec.args,
      needsSpace: spec.type === KV_TYPE,
      firstConfiguration: encodeFirstConfiguration(spec),
    }
  }

  #startGroup(shard: LogShard, recovered: RecoveredReplica, restarted: boolean): void {
    const { record } = recovered
    const { types, storeId } = this.#options
    const machine = makeMachine(record, storeId, types, this.#env.logger)
    const userFsm = machine instanceof StateMachineFsm ? machine : null
    const down = machine instanceof FlotillaError ? machine : null
    const group = new GroupReplica(this.storeId, record, shard, userFsm, down)
    this.#groups.set(record.groupId, group)
    this.#bySlot[record.slot] = group
    if (down !== null) {
      this.#options.handlers.onGroupError(record.groupId, down)
      return
    }
    const fsm: Fsm = userFsm ?? new ShardFsm(shard, record.slot)
    const node = this.#makeNode(shard, recovered, fsm, restarted)
    group.node = node
    if (userFsm !== null) userFsm.caller = node.fsmCaller
    node.start()
    if (node.stateLoss !== null) this.#options.handlers.onGroupError(record.groupId, node.stateLoss)
    if (!restarted) this.#hastenFirstElection(node)
  }

  #makeNode(shard: LogShard, recovered: RecoveredReplica, fsm: Fsm, restarted: boolean): NodeImpl {
    const { record } = recovered
    return new NodeImpl({
      groupId: record.groupId,
      slot: record.slot,
      replica: record.replica,
      storeId: this.storeId,
      options: this.#options.nodeOptions,
      host: this.#hostFor(record.groupId),
      timers: this.#raftTimers,
      transport: this.multiplexer,
      storage: shard,
      fsm,
      cacheBudget: this.#cacheBudget,
      log: {
        firstIndex: record.firstIndex,
        prevTerm: record.prevTerm,
        lastIndex: recovered.lastIndex,
        termRuns: recovered.termRuns,
        configurations: record.configurations,
        firstConfiguration: firstConfigurationOf(record),
      },
      term: record.term,
      votedFor: record.votedFor,
      appliedIndex: recovered.appliedIndex,
      stateLost: recovered.stateLost,
      restarted,
    })
  }

  #hostFor(groupId: string): GroupHost {
    const { limits, turn } = this
    const { handlers } = this.#options
    const { logger } = this.#env
    return {
      limits,
      nowMs: () => turn.nowMs(),
      turn: () => turn.number,
      random: () => this.#env.random.float(),
      markDirty: (node) => turn.markDirty(node),
      onLeaderChange: (leader, term) => handlers.onLeaderChange(groupId, leader?.storeId ?? '', term),
      onGroupError: (error) => handlers.onGroupError(groupId, error),
      onMissingReplica: (member) => {
        const group = this.#groups.get(groupId)
        if (group !== undefined) handlers.onMissingReplica(member.storeId, group.spec)
      },
      log: (level, message, fields) => logger[level]({ group: groupId, ...fields }, message),
    }
  }

  /** Nobody leads a group that was just made: its preferred voter need not wait for a timeout. */
  #hastenFirstElection(node: NodeImpl): void {
    if (node.priority < node.configuration.conf.maxPriority || node.priority === 0) return
    for (const delayMs of FIRST_ELECTION_DELAYS_MS) {
      this.wheel.schedule(delayMs * (1 + this.random() * 0.5), () => node.campaign())
    }
  }

  // ---- shards' answers ----------------------------------------------------------------------------------------------

  onApplied(slot: number, index: number): void {
    this.#bySlot[slot]?.node?.fsmCaller.onApplied(index, null)
  }

  onApplyFailed(slot: number, index: number, message: string): void {
    this.#bySlot[slot]?.node?.fsmCaller.onFailed(index, message)
  }

  #onStuckDisk(shard: LogShard): void {
    this.#env.logger.warn(
      {},
      'a flush is not back after an election timeout: the store vouches for nothing on this disk',
    )
    this.#ofShard(shard, (node) => node.suspend('the disk is stuck'))
  }

  /** Other stores deal with it no more; what needs no other store stops here. */
  #onSuspect(by: string, error: FlotillaError): void {
    this.#suspendAll()
    this.#options.handlers.onSuspect?.(by, error)
  }

  #suspendAll(): void {
    for (const shard of this.#shards) this.#ofShard(shard, (node) => node.suspend('the store is suspect'))
  }

  #resume(shard: LogShard): void {
    if (this.peerBook.suspicion !== null || this.#flushWatch.isStuck(shard)) return
    this.#ofShard(shard, (node) => node.resume())
  }

  #ofShard(shard: LogShard, call: (node: NodeImpl) => void): void {
    for (const group of this.#groups.values()) {
      if (group.shard === shard && group.node !== null) call(group.node)
    }
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  /** The first storage error, or a broken invariant of the store itself: every promise ends here. */
  fail(error: FlotillaError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#env.logger.error({ code: error.code }, `the store stops: ${error.message}`)
    // A store that closes ends anyway: `closed` tells of it.
    if (this.#closing !== null) return
    for (const group of this.#groups.values()) group.node?.enterError(error)
    this.#closing = this.#end()
  }

  /** Ends the store: what was handed to the disk is flushed, calls that wait are refused. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    for (const group of this.#groups.values()) group.node?.shutdown()
    this.turn.close()
    await this.multiplexer.close()
    this.wheel.close()
    const startedMs = this.clock.monotonicMs()
    // While the directory is still locked: it is the next process's file then.
    await atMost(this.timers, this.peerBook.close(this.#failure === null), MAX_SHARD_CLOSE_MS)
    // The disks first: a user's state machine may take long, and what it holds is in the log.
    const machines = Promise.allSettled([...this.#groups.values()].map((group) => group.fsm?.close()))
    const passedMs = this.clock.monotonicMs() - startedMs
    await closeShards(this.timers, this.#shards, Math.max(0, MAX_SHARD_CLOSE_MS - passedMs))
    await atMost(this.timers, machines, MAX_STATE_MACHINE_CLOSE_MS)
    this.#resolveClosed(this.#failure)
  }
}
