import { SimWorld } from '../../src/sim/world.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { firstMembers, type GroupSpec } from '../../src/store/group-spec.ts'
import type { CommittedEntry, UserStateMachine } from '../../src/store/state-machine-fsm.ts'
import { StoreHost } from '../../src/store/store-host.ts'
import { encodePut } from '../../src/kv/command.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import type { QueueLimits } from '../../src/util/queue-limits.ts'

/**
 * A whole cluster of stores in one thread on simulated clock, network and disks, with what must hold at every step:
 * one leader per term, one entry per index, no acknowledged entry lost, reads not older than what was acknowledged
 * before them.
 */
export interface ClusterOptions {
  readonly seed: number | string
  readonly stores?: number
  readonly listGroups?: number
  readonly kvGroups?: number
  /** Default true: every process writes and reads all the time. */
  readonly load?: boolean
  readonly electionTimeoutMs?: number
  /** Budget of each store's logs; default: the store's own. */
  readonly maxLogBytes?: number
  /** A follower that the budget left behind need not converge; default false. */
  readonly mayLeaveBehind?: boolean
  /** A test takes states away: a replica that waits for a snapshot need not converge; default false. */
  readonly mayLoseState?: boolean
  /** Default: those of real stores. */
  readonly limits?: QueueLimits
}

interface Acked {
  readonly groupId: string
  readonly index: number
  readonly data: string
}

/** Remembers what it applied; dies with its process and is filled again from the log. */
class ListMachine implements UserStateMachine {
  readonly #onEntry: (index: number, data: string) => void

  constructor(onEntry: (index: number, data: string) => void) {
    this.#onEntry = onEntry
  }

  onApply(entries: Iterable<CommittedEntry>): void {
    for (const entry of entries) {
      const text = entry.data.toString()
      this.#onEntry(entry.index, text)
      entry.reply(Buffer.from(`re:${text}`))
    }
  }
}

export class SimCluster {
  readonly world: SimWorld
  readonly names: string[]
  readonly hosts = new Map<string, StoreHost>()
  readonly specs: GroupSpec[]
  readonly acked: Acked[] = []
  readonly refused = new Map<string, number>()
  readonly openErrors: string[] = []
  reads = 0
  /** Replicas that did not take part in the last `converge`: see `mayLeaveBehind`. */
  leftBehind = 0
  /** Set by tests that break a store on purpose: its groups may fail. */
  expectFailures = false
  readonly failures: string[] = []
  /** Stores that ended by themselves, with the reason. */
  readonly stopped: string[] = []
  /** groupId/index → what was ever applied there. */
  readonly #committed = new Map<string, string>()
  /** groupId/term → who led. */
  readonly #leaders = new Map<string, string>()
  readonly #ackedIndex = new Map<string, number>()
  readonly #ackedValues = new Map<string, string>()
  readonly #options: ClusterOptions
  #next = 0
  writing = true

  constructor(options: ClusterOptions) {
    this.#options = options
    this.world = new SimWorld({ seed: options.seed })
    this.names = Array.from({ length: options.stores ?? 3 }, (_, i) => `s${i + 1}`)
    const lists = Array.from({ length: options.listGroups ?? 2 }, (_, i) =>
      this.#spec(`list-${i}`, 'list', i),
    )
    const regions = Array.from({ length: options.kvGroups ?? 2 }, (_, i) => this.#spec(`kv-${i}`, 'kv', i))
    this.specs = [...lists, ...regions]
    for (const name of this.names) this.world.process(name, { main: (process) => this.#main(process) })
  }

  #spec(groupId: string, type: string, i: number): GroupSpec {
    const members = firstMembers(this.names, this.names[i % this.names.length]!)
    return { groupId, type, args: Buffer.alloc(0), members, nextReplica: this.names.length + 1 }
  }

  get processes(): SimProcess[] {
    return this.world.processes
  }

  async #main(process: SimProcess): Promise<void> {
    this.hosts.delete(process.name)
    const stores = Object.fromEntries(this.names.map((name) => [name, `${name}:7000`]))
    let host: StoreHost
    try {
      host = await StoreHost.open({
        env: { ...process.env, ...(this.#options.limits && { limits: this.#options.limits }) },
        clusterId: 'sim',
        storeId: process.name,
        dataDir: process.dir,
        stores,
        listen: stores[process.name]!,
        shards: 1,
        ...(this.#options.maxLogBytes === undefined ? {} : { maxLogBytes: this.#options.maxLogBytes }),
        nodeOptions: {
          electionTimeoutMs: this.#options.electionTimeoutMs ?? 500,
          heartbeatIntervalMs: (this.#options.electionTimeoutMs ?? 500) / 10,
          stepDownWhenVoteTimedout: true,
        },
        types: new Map([
          ['list', ({ groupId }) => new ListMachine((index, data) => this.#onEntry(groupId, index, data))],
        ]),
        handlers: {
          onLinkUp() {},
          onLinkDown() {},
          onForwardRequest() {},
          onForwardResponse() {},
          onStall() {},
          onMissingReplica() {},
          onCall: () => Promise.resolve(Buffer.alloc(0)),
          onLeaderChange: (groupId, leader, term) => this.#onLeader(process.name, groupId, leader, term),
          onGroupError: (groupId, error) => this.#onGroupError(process.name, groupId, error),
        },
      })
    } catch (error) {
      this.openErrors.push(`${process.name}: ${(error as Error).message}`)
      throw error
    }
    void host.closed.then((reason) => {
      if (reason !== null) this.#onStopped(process, host, reason)
    })
    this.hosts.set(process.name, host)
    for (const error of await host.createGroups(this.specs)) if (error !== null) throw error
    if (this.#options.load ?? true) this.#workload(process, host)
  }

  #onGroupError(name: string, groupId: string, error: FlotillaError): void {
    this.failures.push(`${name}/${groupId}: ${error.code}`)
    const stuckDisk = error.code === 'FLOTILLA_STORAGE_FAILED' && error.message.includes('did not come back')
    const lost = error.code === 'FLOTILLA_STATE_LOST' && this.#options.mayLoseState === true
    if (!this.expectFailures && !stuckDisk && !lost)
      this.world.fail(new Error(`${name}/${groupId}: ${error.message}`))
  }

  /** A store that failed by itself is started again, as its keeper would. */
  #onStopped(process: SimProcess, host: StoreHost, reason: FlotillaError): void {
    this.stopped.push(`${process.name}: ${reason.code}`)
    if (this.expectFailures) return
    void this.world.sleep(300).then(() => {
      if (process.alive && this.hosts.get(process.name) === host) process.restart()
    })
  }

  /** The store that leads a group by its own account, the one of the highest term. */
  leaderOf(groupId: string): string | null {
    let best: { name: string; term: number } | null = null
    for (const name of this.names) {
      const one = this.hosts.get(name)?.group(groupId)?.describe()
      if (one?.state === 'leader' && (best === null || one.term > best.term)) best = { name, term: one.term }
    }
    return best?.name ?? null
  }

  #onEntry(groupId: string, index: number, data: string): void {
    const key = `${groupId}/${index}`
    const known = this.#committed.get(key)
    if (known === undefined) this.#committed.set(key, data)
    else if (known !== data) this.world.fail(new Error(`${key} was applied as ${known} and as ${data}`))
  }

  #onLeader(self: string, groupId: string, leader: string, term: number): void {
    if (leader !== self) return
    const key = `${groupId}/${term}`
    const known = this.#leaders.get(key)
    if (known !== undefined && known !== self)
      this.world.fail(new Error(`two leaders of ${key}: ${known} and ${self}`))
    this.#leaders.set(key, self)
  }

  /** A client in each process: every few milliseconds a write and a read on a group of its store. */
  #workload(process: SimProcess, host: StoreHost): void {
    const { timers, random } = process.env
    const step = (): void => {
      if (this.writing) {
        const spec = this.specs[Math.floor(random.float() * this.specs.length)]!
        this.#write(host, spec)
        this.#read(host, spec.groupId)
      }
      timers.setTimeout(step, 5 + random.float() * 30)
    }
    step()
  }

  #write(host: StoreHost, spec: GroupSpec): void {
    const group = host.group(spec.groupId)
    if (group === null || !group.isLeader) return
    const data = `${spec.groupId}:${this.#next++}`
    const payload =
      spec.type === 'kv'
        ? encodePut(Buffer.from(`k${this.#next % 50}-${data}`), Buffer.from(data))
        : Buffer.from(data)
    group.propose(
      payload,
      0,
      {
        onDone: (_position, index, _term, result) => {
          if (spec.type === 'list' && result?.toString() !== `re:${data}`)
            this.world.fail(new Error(`wrong reply for ${data}`))
          this.acked.push({ groupId: spec.groupId, index, data })
          this.#ackedIndex.set(spec.groupId, Math.max(index, this.#ackedIndex.get(spec.groupId) ?? 0))
          if (spec.type === 'kv') this.#ackedValues.set(`${spec.groupId}/${index}`, data)
        },
        onRefused: (_position, error) => this.#count(error),
      },
      0,
    )
  }

  #read(host: StoreHost, groupId: string): void {
    const floor = this.#ackedIndex.get(groupId) ?? 0
    host.group(groupId)?.readIndex({
      isWanted: true,
      onReadIndex: (index) => {
        this.reads++
        const applied = host.group(groupId)?.node?.fsmCaller.lastAppliedIndex ?? 0
        if (index < floor || applied < index) {
          this.world.fail(
            new Error(`a read of ${groupId} at ${index} (applied ${applied}) is older than ${floor}`),
          )
        }
      },
      onReadRefused: (error) => this.#count(error),
    })
  }

  #count(error: FlotillaError): void {
    this.refused.set(error.code, (this.refused.get(error.code) ?? 0) + 1)
  }

  /** Every replica of every group has the same state at the same applied index, and holds all that was acknowledged. */
  async converge(withinMs: number): Promise<void> {
    this.writing = false
    // Processes that were just restarted have begun their new life then.
    await this.world.run({ forMs: 100 })
    const settled = await this.world.run({
      until: () => this.#isSettled(),
      untilMs: this.world.nowMs + withinMs,
    })
    if (!settled) throw new Error(`no convergence within ${withinMs} ms:\n${this.report()}`)
    for (const { groupId, index, data } of this.acked) {
      if (!groupId.startsWith('list')) continue
      const found = this.#committed.get(`${groupId}/${index}`)
      if (found !== data) throw new Error(`acknowledged ${data} at ${groupId}/${index}, found ${found}`)
    }
    for (const spec of this.specs) if (spec.type === 'kv') await this.#compareDigests(spec.groupId)
  }

  #isSettled(): boolean {
    for (const spec of this.specs) {
      const described = this.names.map((name) => this.hosts.get(name)?.group(spec.groupId)?.describe())
      const leader = described.find((one) => one?.state === 'leader')
      if (leader === undefined || leader.commitIndex !== leader.lastIndex) return false
      const behind = this.#leftBehind(spec.groupId)
      if (described.some((one) => one?.appliedIndex !== leader.lastIndex && !behind.has(one?.storeId ?? '')))
        return false
    }
    return true
  }

  /** Stores whose replica of the group its leader has given up on, where the test allows that. */
  #leftBehind(groupId: string): Set<string> {
    const { mayLeaveBehind = false, mayLoseState = false } = this.#options
    const leader = this.leaderOf(groupId)
    const { replicators = [] } = leader === null ? {} : this.hosts.get(leader)!.group(groupId)!.describe()
    const behind = replicators.filter(({ state, waitsForSnapshot }) => {
      return (mayLeaveBehind && state === 'snapshot') || (mayLoseState && waitsForSnapshot)
    })
    return new Set(behind.map(({ storeId }) => storeId))
  }

  async #compareDigests(groupId: string): Promise<void> {
    const digests: string[] = []
    const behind = this.#leftBehind(groupId)
    for (const name of this.names) {
      if (behind.has(name)) {
        this.leftBehind++
        continue
      }
      const group = this.hosts.get(name)!.group(groupId)!
      const text = JSON.stringify(
        await this.world.settle(group.digest(), 10_000, `the digest of ${groupId} on ${name}`),
      )
      digests.push(text)
    }
    if (new Set(digests).size !== 1)
      throw new Error(`the replicas of ${groupId} differ: ${digests.join(' / ')}`)
    const acked = this.acked.filter((one) => one.groupId === groupId).length
    const { keys } = JSON.parse(digests[0]!) as { keys: number }
    if (keys < acked) throw new Error(`${groupId} holds ${keys} keys, ${acked} were acknowledged`)
  }

  report(): string {
    const lines: string[] = []
    for (const spec of this.specs) {
      for (const name of this.names) {
        const one = this.hosts.get(name)?.group(spec.groupId)?.describe()
        const peers = one?.replicators
          .map((peer) => `${peer.storeId}:${peer.state}:${peer.matchIndex}`)
          .join(' ')
        lines.push(
          `${spec.groupId}@${name} ${one?.state} term ${one?.term} leader ${one?.leader} last ${one?.lastIndex} ` +
            `durable ${one?.durableIndex} commit ${one?.commitIndex} applied ${one?.appliedIndex} ${peers}`,
        )
      }
    }
    return lines.join('\n')
  }
}
