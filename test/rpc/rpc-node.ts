import { hash32 } from '../../src/util/hash.ts'
import { KIND_DATA, type LogBlock, packBlock } from '../../src/block/log-block.ts'
import type { Env } from '../../src/env/ports.ts'
import type {
  GroupAddress,
  GroupRef,
  HeartbeatAnswer,
  HeartbeatSubject,
  RpcHandlers,
} from '../../src/rpc/messages.ts'
import { RpcMultiplexer, type RpcMultiplexerOptions } from '../../src/rpc/multiplexer.ts'
import { MemoryLogger, SimNetwork, SimWorld } from './sim-network.ts'

export interface Heard {
  readonly kind: string
  readonly groupId: string
  readonly message: unknown
}

/** A multiplexer whose handlers write down what they hear. It hosts the groups in `hosted`. */
export class RpcNode implements RpcHandlers {
  readonly storeId: string
  readonly mux: RpcMultiplexer
  readonly logger: MemoryLogger
  readonly heard: Heard[] = []
  /** 'up s2', 'down s2', 'alias g1', 'missing g1' in order. */
  readonly events: string[] = []
  readonly hosted = new Set<string>()
  readonly refs: GroupRef[] = []
  serve: (method: string, body: Buffer) => Promise<Buffer> = async (_method, body) => body
  judgeHeartbeat: (groupId: string, term: number, answer: HeartbeatAnswer) => void = () => {}
  /** Called for everything heard, after it was written down. */
  hook: (heard: Heard) => void = () => {}
  flushes = 0

  constructor(
    storeId: string,
    env: Pick<Env, 'clock' | 'timers' | 'random' | 'sockets'>,
    options: Partial<RpcMultiplexerOptions> & {
      boot?: number
      clusterId?: string
      incarnation?: string
      process?: number
    } = {},
  ) {
    this.storeId = storeId
    this.logger = new MemoryLogger()
    const { boot = 1, clusterId = 'c', incarnation = `i-${storeId}`, process = 1, ...rest } = options
    this.mux = new RpcMultiplexer({
      identity: { clusterId, storeId, incarnation, boot, process },
      env: { ...env, logger: this.logger },
      handlers: this,
      heartbeatIntervalMs: 100,
      scheduleFlush: () =>
        env.timers.setImmediate(() => {
          this.flushes++
          this.mux.flush()
        }),
      ...rest,
    })
  }

  private note(kind: string, groupId: string, message: unknown): void {
    const heard = { kind, groupId, message }
    this.heard.push(heard)
    this.hook(heard)
  }

  /** Everything of one kind that was heard. */
  of(kind: string): unknown[] {
    return this.heard.filter((heard) => heard.kind === kind).map((heard) => heard.message)
  }

  onLinkUp(storeId: string): void {
    this.events.push(`up ${storeId}`)
  }

  onLinkDown(storeId: string): void {
    this.events.push(`down ${storeId}`)
  }

  onAlias(ref: GroupRef): void {
    this.refs.push(ref)
    this.events.push(`alias ${ref.groupId}`)
    ref.target = this.hosted.has(ref.groupId) ? ref.groupId : null
  }

  onVoteRequest(ref: GroupRef, message: unknown): void {
    this.note('voteRequest', ref.groupId, message)
  }

  onVoteResponse(ref: GroupRef, message: unknown): void {
    this.note('voteResponse', ref.groupId, message)
  }

  onAppendRequest(ref: GroupRef, message: unknown): void {
    this.note('appendRequest', ref.groupId, message)
  }

  onAppendResponse(ref: GroupRef, message: unknown): void {
    this.note('appendResponse', ref.groupId, message)
  }

  onTimeoutNow(ref: GroupRef, message: unknown): void {
    this.note('timeoutNow', ref.groupId, message)
  }

  onHeartbeat(ref: GroupRef, term: number, commit: number, answer: HeartbeatAnswer): void {
    this.note('heartbeat', ref.groupId, { term, commit })
    this.judgeHeartbeat(ref.groupId, term, answer)
  }

  onReadIndexRequest(ref: GroupRef, message: unknown): void {
    this.note('readIndexRequest', ref.groupId, message)
  }

  onReadIndexResponse(ref: GroupRef, message: unknown): void {
    this.note('readIndexResponse', ref.groupId, message)
  }

  onNoSuchReplica(storeId: string, groupId: string, fromReplica: number, toReplica: number): void {
    this.note('noSuchReplica', groupId, { storeId, fromReplica, toReplica })
  }

  onForwardRequest(_storeId: string, message: { groupId: string }): void {
    this.note('forwardRequest', message.groupId, message)
  }

  onForwardResponse(_storeId: string, message: unknown): void {
    this.note('forwardResponse', '', message)
  }

  onCall(_storeId: string, method: string, body: Buffer): Promise<Buffer> {
    return this.serve(method, body)
  }
}

/** A leader's subject that writes down what it is told. */
export class TestSubject implements HeartbeatSubject {
  readonly slot: number
  readonly groupId: string
  readonly fromReplica = 1
  readonly toReplica = 2
  term: number
  commit: number
  readonly acks: Array<{ sequence: number; sentAtMs: number }> = []
  readonly exceptions: Array<{ answer: number; term: number; lastIndex: number }> = []

  constructor(slot: number, groupId: string, term = 1, commit = 0) {
    this.slot = slot
    this.groupId = groupId
    this.term = term
    this.commit = commit
  }

  onHeartbeatAck(sequence: number, sentAtMs: number): void {
    this.acks.push({ sequence, sentAtMs })
  }

  onHeartbeatException(answer: number, term: number, lastIndex: number): void {
    this.exceptions.push({ answer, term, lastIndex })
  }
}

export function address(slot: number, groupId: string, fromReplica = 1, toReplica = 2): GroupAddress {
  return { slot, groupId, fromReplica, toReplica }
}

/** A block of one entry of `bytes` bytes at `index`. */
export function block(groupId: string, index: number, bytes: number, term = 1): LogBlock {
  const place = {
    groupTag: hash32(groupId),
    kind: KIND_DATA,
    firstIndex: index,
    term,
    prevTerm: term,
  } as const
  return packBlock(place, [Buffer.alloc(bytes, index & 0xff)], 0, 1)
}

export function append(blocks: readonly LogBlock[], term = 1) {
  const prevIndex = blocks.length === 0 ? 0 : blocks[0]!.firstIndex - 1
  const lastIndex = blocks.length === 0 ? 0 : blocks[blocks.length - 1]!.lastIndex
  return { term, prevIndex, prevTerm: term, lastIndex, commit: prevIndex, heldByAll: 0, blocks }
}

/** Two or more linked nodes on one network: every node knows all the others. */
export async function linked(network: SimNetwork, ...nodes: RpcNode[]): Promise<void> {
  for (const node of nodes) await node.mux.listen(node.storeId, 0)
  for (const node of nodes) {
    for (const other of nodes) if (other !== node) node.mux.setPeer(other.storeId, other.mux.address)
  }
  await network.world.run(20)
}

export function simNode(
  network: SimNetwork,
  storeId: string,
  options: ConstructorParameters<typeof RpcNode>[2] = {},
): RpcNode {
  const { world } = network
  return new RpcNode(
    storeId,
    { clock: world, timers: world, random: world, sockets: network.host() },
    options,
  )
}

/** Two linked nodes that host the groups g and h, on a network of their own. */
export async function pair() {
  const network = new SimNetwork(new SimWorld())
  const a = simNode(network, 's1')
  const b = simNode(network, 's2')
  for (const node of [a, b]) for (const group of ['g', 'h']) node.hosted.add(group)
  await linked(network, a, b)
  return { network, world: network.world, a, b, link: a.mux.link('s2'), back: b.mux.link('s1') }
}
