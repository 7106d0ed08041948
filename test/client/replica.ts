import type { GroupDescription } from '../../src/client/group-description.ts'
import type {
  ApplySink,
  KvPage,
  KvRange,
  LocalKv,
  LocalReplica,
  LocalScan,
  ReadSink,
} from '../../src/client/ports.ts'
import { CommandReader, OP_PUT } from '../../src/kv/command.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import type { World } from './world.ts'

export interface LogEntry {
  readonly term: number
  readonly payload: Buffer
}

interface Held {
  readonly payload: Buffer
  readonly sink: ApplySink
  readonly position: number
}

/** A group whose consensus is a script: one log, one leader at a time, and a test that says what happens. */
export class TestGroup {
  readonly groupId: string
  readonly type: string
  readonly world: World
  readonly members: readonly string[]
  readonly replicas = new Map<string, TestReplica>()
  readonly log: LogEntry[] = []
  /** The state of a 'kv' group: keys as latin1, so that their order is the bytes'. */
  readonly state = new Map<string, Buffer>()
  term = 1
  leader: string
  /** Proposals are taken and neither applied nor refused until `letGo`. */
  holding = false
  #held: Held[] = []

  constructor(world: World, groupId: string, type: string, members: readonly string[]) {
    this.world = world
    this.groupId = groupId
    this.type = type
    this.members = members
    this.leader = members[0]!
    for (const storeId of members) this.replicas.set(storeId, new TestReplica(this, storeId))
  }

  on(storeId: string): TestReplica {
    return this.replicas.get(storeId)!
  }

  /** '' takes the leader away. Who still held proposals is told what became of them, or learns nothing. */
  lead(storeId: string, held: 'apply' | 'lose' | 'forget' = 'forget'): void {
    const waiting = this.#held
    this.#held = []
    if (held === 'apply') for (const one of waiting) this.#append(one)
    this.term++
    this.leader = storeId
    if (held !== 'lose') return
    const lost = new FlotillaError('LEADERSHIP_LOST', 'another entry took the place')
    for (const { sink, position } of waiting) sink.onRefused(position, lost)
  }

  letGo(): void {
    this.holding = false
    for (const one of this.#held.splice(0)) this.#append(one)
  }

  take(payload: Buffer, sink: ApplySink, position: number): void {
    const held = { payload: Buffer.from(payload), sink, position }
    if (this.holding) this.#held.push(held)
    else this.world.schedule(0, () => this.#append(held))
  }

  #append({ payload, sink, position }: Held): void {
    this.log.push({ term: this.term, payload })
    if (this.type === 'kv') this.#applyCommand(payload)
    sink.onDone(position, this.log.length, this.term, Buffer.from(`r${this.log.length}`))
  }

  #applyCommand(payload: Buffer): void {
    const reader = new CommandReader()
    reader.start(payload, 0, payload.length)
    while (reader.next()) {
      const key = payload.toString('latin1', reader.keyStart, reader.valueStart)
      if (reader.op === OP_PUT) this.state.set(key, payload.subarray(reader.valueStart, reader.valueEnd))
      else this.state.delete(key)
    }
  }
}

export class TestReplica implements LocalReplica {
  readonly group: TestGroup
  readonly storeId: string
  error: FlotillaError | null = null
  /** Given to every proposal and read. */
  refusal: FlotillaError | null = null
  /** It thinks that this store leads, whatever the group says. */
  belief: string | null = null
  /** How often each was asked for. */
  readonly asked = { readIndex: 0, getMany: 0, scans: 0, openScans: 0, proposals: 0 }

  constructor(group: TestGroup, storeId: string) {
    this.group = group
    this.storeId = storeId
  }

  get groupId(): string {
    return this.group.groupId
  }

  get type(): string {
    return this.group.type
  }

  get leaderStoreId(): string {
    return this.belief ?? this.group.leader
  }

  get isLeader(): boolean {
    return this.error === null && this.leaderStoreId === this.storeId && this.group.leader === this.storeId
  }

  get memberStoreIds(): readonly string[] {
    return this.group.members
  }

  get kv(): LocalKv | null {
    return this.type === 'kv' ? new TestKv(this) : null
  }

  propose(payload: Buffer, expectedTerm: number, sink: ApplySink, position: number): void {
    this.asked.proposals++
    const { group } = this
    if (this.refusal !== null) sink.onRefused(position, this.refusal)
    else if (group.leader !== this.storeId) sink.onRefused(position, this.#notLeader())
    else if (expectedTerm !== 0 && expectedTerm !== group.term) {
      sink.onRefused(position, new FlotillaError('TERM_MISMATCH', `term ${group.term}`))
    } else group.take(payload, sink, position)
  }

  readIndex(sink: ReadSink): void {
    this.asked.readIndex++
    if (this.refusal !== null) sink.onReadRefused(this.refusal)
    else if (this.group.leader === '') sink.onReadRefused(this.#notLeader())
    else this.group.world.schedule(1, () => sink.onReadIndex(this.group.log.length))
  }

  #notLeader(): FlotillaError {
    const leader = this.group.leader
    return leader === ''
      ? new FlotillaError('NO_LEADER', 'no leader is known')
      : new FlotillaError('NOT_LEADER', `${leader} leads`, { leader })
  }

  async query(data: Buffer): Promise<Buffer> {
    return Buffer.from(`${data.toString()} on ${this.storeId} at ${this.group.log.length}`)
  }

  describe(): GroupDescription {
    const { groupId, type, storeId, error } = this
    const members = this.group.members.map((member, i) => {
      return { storeId: member, replica: i + 1, role: 'voter' as const, priority: 1 }
    })
    return {
      groupId,
      type,
      storeId,
      replica: 1,
      state: this.isLeader ? 'leader' : 'follower',
      term: this.group.term,
      leader: this.leaderStoreId,
      commitIndex: this.group.log.length,
      appliedIndex: this.group.log.length,
      firstIndex: 1,
      lastIndex: this.group.log.length,
      durableIndex: 0,
      members,
      error,
      waitsForSnapshot: error !== null,
      keepsLog: true,
      replicators: [{ storeId: 'x', state: 'probe', matchIndex: 1, nextIndex: 2, waitsForSnapshot: true }],
    }
  }
}

class TestKv implements LocalKv {
  readonly #replica: TestReplica

  constructor(replica: TestReplica) {
    this.#replica = replica
  }

  getMany(
    keys: readonly Buffer[],
    done: (error: FlotillaError | null, values: readonly (Buffer | null)[], appliedIndex: number) => void,
  ): void {
    this.#replica.asked.getMany++
    const { group } = this.#replica
    group.world.schedule(0, () => {
      const values = keys.map((key) => group.state.get(key.toString('latin1')) ?? null)
      done(null, values, group.log.length)
    })
  }

  openScan(range: KvRange): LocalScan {
    const { group, asked } = this.#replica
    asked.scans++
    asked.openScans++
    const rows = [...group.state]
      .map(([key, value]) => [Buffer.from(key, 'latin1'), value] as const)
      .filter(([key]) => inRange(key, range))
      .sort(([a], [b]) => a.compare(b))
    if (range.reverse === true) rows.reverse()
    let at = 0
    return {
      async next(maxRows: number): Promise<KvPage> {
        const page = rows.slice(at, at + maxRows)
        at += page.length
        const values = range.values === false ? [] : page.map(([, value]) => value)
        return { keys: page.map(([key]) => key), values, done: at >= rows.length }
      },
      close(): void {
        asked.openScans--
      },
    }
  }
}

function inRange(key: Buffer, { gte, gt, lte, lt }: KvRange): boolean {
  if (gte !== undefined && key.compare(gte) < 0) return false
  if (gt !== undefined && key.compare(gt) <= 0) return false
  if (lte !== undefined && key.compare(lte) > 0) return false
  return lt === undefined || key.compare(lt) < 0
}
