import type { SimProcess } from '../../src/sim/process.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { firstMembers, type GroupSpec } from '../../src/store/group-spec.ts'
import { StoreHost } from '../../src/store/store-host.ts'
import type { FlotillaError } from '../../src/util/errors.ts'

export const GROUP = 'g'

export interface Seat {
  readonly storeId: string
  /** 'host:port' by store id. */
  stores: Record<string, string>
  listen: string
  /** Called when a link comes up, before anything came over it. */
  onLinkUp?: (peer: string) => void
  host: StoreHost | null
  /** What `open` rejected with. */
  refusal: FlotillaError | null
  readonly suspicions: string[]
}

/** Stores in one simulated world, each on a machine of its own, that a test may wipe, roll back, copy and move. */
export class IdentityWorld {
  readonly world: SimWorld
  readonly seats = new Map<string, Seat>()
  /** Machines whose program does nothing. */
  readonly idle = new Set<string>()

  constructor(seed: number) {
    this.world = new SimWorld({ seed })
  }

  /** A machine for a store. By default it bears the store's name. */
  machine(storeId: string, names: readonly string[], name = storeId): SimProcess {
    const stores = Object.fromEntries(
      names.map((other) => [other, `${other === storeId ? name : other}:7000`]),
    )
    const seat: Seat = {
      storeId,
      stores,
      listen: stores[storeId]!,
      host: null,
      refusal: null,
      suspicions: [],
    }
    this.seats.set(name, seat)
    return this.world.process(name, { dir: `/sim/${storeId}`, main: (process) => this.#main(process, seat) })
  }

  /** Three stores with one group of all of them, led by the first. */
  async three(type = 'list'): Promise<SimProcess[]> {
    const names = ['s1', 's2', 's3']
    const machines = names.map((name) => this.machine(name, names))
    await this.world.run({ forMs: 300 })
    await this.create({ groupId: GROUP, type, members: names })
    await this.world.run({ forMs: 1_000 })
    return machines
  }

  async create(group: { groupId: string; type: string; members: string[] }): Promise<void> {
    const { groupId, type, members } = group
    const spec: GroupSpec = {
      groupId,
      type,
      args: Buffer.alloc(0),
      members: firstMembers(members, members[0]!),
      nextReplica: members.length + 1,
    }
    for (const name of members) await this.world.settle(this.host(name).createGroups([spec]))
  }

  async #main(process: SimProcess, seat: Seat): Promise<void> {
    seat.host = null
    if (this.idle.has(process.name)) return
    try {
      const host = await StoreHost.open({
        env: process.env,
        clusterId: 'sim',
        storeId: seat.storeId,
        dataDir: process.dir,
        stores: seat.stores,
        listen: seat.listen,
        shards: 2,
        nodeOptions: { electionTimeoutMs: 300, heartbeatIntervalMs: 30, stepDownWhenVoteTimedout: true },
        types: new Map([['list', () => ({ onApply() {} })]]),
        handlers: {
          onLinkUp: (peer) => seat.onLinkUp?.(peer),
          onLinkDown() {},
          onForwardRequest() {},
          onForwardResponse() {},
          onStall() {},
          onMissingReplica() {},
          onCall: () => Promise.resolve(Buffer.alloc(0)),
          onLeaderChange() {},
          onGroupError() {},
          onSuspect: (by) => seat.suspicions.push(by),
        },
      })
      seat.host = host
    } catch (error) {
      seat.refusal = error as FlotillaError
    }
  }

  seat(name: string): Seat {
    return this.seats.get(name)!
  }

  host(name: string): StoreHost {
    return this.seat(name).host!
  }

  leader(groupId = GROUP): string | null {
    for (const [name, { host }] of this.seats) if (host?.group(groupId)?.isLeader) return name
    return null
  }

  /** How many of `count` writes were acknowledged within `forMs`. */
  async write(count: number, forMs = 2_000, groupId = GROUP): Promise<number> {
    let done = 0
    for (let i = 0; i < count; i++) {
      const host = [...this.seats.values()].find((seat) => seat.host?.group(groupId)?.isLeader)?.host
      host?.group(groupId)?.propose(Buffer.from(`w${i}`), 0, { onDone: () => done++, onRefused() {} }, 0)
      await this.world.run({ forMs: forMs / count })
    }
    return done
  }

  /** What `name` holds against `peer`. */
  error(name: string, peer: string): { code: string; message: string } | null {
    return (
      this.host(name)
        .peerBook.describe()
        .find(({ storeId }) => storeId === peer)?.error ?? null
    )
  }

  /** How often a machine has logged that `peer` was replaced. */
  logged(machine: SimProcess, peer: string): number {
    return machine.logs.filter(({ fields }) => {
      const { code, peer: about } = fields as { code?: string; peer?: string }
      return code === 'FLOTILLA_STORE_REPLACED' && about === peer
    }).length
  }
}
