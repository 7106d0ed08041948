import { setTimeout as sleep } from 'node:timers/promises'
import type { DemoCluster } from './demo-cluster.ts'
import { REGIONS, STORE_IDS } from './demo-settings.ts'
import type { Differences } from './differences.ts'
import type { GroupDigestView } from './store-messages.ts'

/** Replicas of an idle group meet at one applied index within a heartbeat or two. */
const MEET_TIMEOUT_MS = 30_000
const RETRY_MS = 100

/** Digests of all replicas, group by group. */
export class DigestRun {
  /** Groups whose replicas show one digest at one applied index. */
  agreed = 0
  /** Keys in all groups, by one replica of each. */
  keys = 0
  readonly #cluster: DemoCluster
  readonly #signal: AbortSignal

  constructor(cluster: DemoCluster, signal: AbortSignal) {
    this.#cluster = cluster
    this.#signal = signal
  }

  /** Asks until all replicas of every group stand at one applied index, and adds what does not match. */
  async run(writtenKeys: number, differences: Differences): Promise<void> {
    const deadline = performance.now() + MEET_TIMEOUT_MS
    for (;;) {
      const groups = await this.#ask()
      const met = [...groups.values()].every(haveMet)
      if (met || performance.now() > deadline) return this.#judge(groups, writtenKeys, differences)
      this.agreed = [...groups.values()].filter(agree).length
      await sleep(RETRY_MS, undefined, { signal: this.#signal })
    }
  }

  async #ask(): Promise<Map<string, GroupDigestView[]>> {
    const answers = await Promise.all(
      STORE_IDS.map((_, store) => this.#cluster.process(store).call('digest', null)),
    )
    const groups = new Map<string, GroupDigestView[]>()
    for (const digest of answers.flat()) {
      const list = groups.get(digest.groupId)
      if (list === undefined) groups.set(digest.groupId, [digest])
      else list.push(digest)
    }
    return groups
  }

  #judge(groups: Map<string, GroupDigestView[]>, writtenKeys: number, differences: Differences): void {
    this.agreed = 0
    this.keys = 0
    for (const [groupId, replicas] of groups) {
      this.keys += replicas[0]!.keys
      if (agree(replicas)) this.agreed++
      else differences.add({ store: 'all', key: groupId, problem: describeDisagreement(replicas) })
    }
    if (groups.size !== REGIONS) {
      differences.add({ store: 'all', key: 'groups', problem: `${groups.size} answered, not ${REGIONS}` })
    }
    if (this.keys !== writtenKeys) {
      const problem = `the groups hold ${this.keys} keys, but ${writtenKeys} were written`
      differences.add({ store: 'all', key: 'keys', problem })
    }
  }
}

function haveMet(replicas: readonly GroupDigestView[]): boolean {
  return replicas.length === STORE_IDS.length && new Set(replicas.map((one) => one.appliedIndex)).size === 1
}

function agree(replicas: readonly GroupDigestView[]): boolean {
  return haveMet(replicas) && new Set(replicas.map((one) => one.digest)).size === 1
}

function describeDisagreement(replicas: readonly GroupDigestView[]): string {
  const list = replicas.map((one) => `${one.digest.slice(0, 12)} at ${one.appliedIndex}`)
  return `its replicas show ${list.join(', ')}`
}
