import type { FaultDescription, StoreReport, StoreSummary } from '../client/admin-reports.ts'
import { assertPresent } from '../util/assert.ts'
import { withCluster } from './cluster-client.ts'
import { type ClusterFlags, clusterOptions } from './cluster-options.ts'
import { errorView } from './error-view.ts'
import { plural, printable } from './format.ts'
import { formatTable } from './table.ts'
import { defineVerb, type Noun, type VerbContext } from './verb.ts'

const STORE_LIST = defineVerb<ClusterFlags>({
  usage: 'list',
  summary: 'list all stores of the cluster',
  description: [
    'List every store that is known: its address, how many groups it hosts and leads, and what is wrong with it. One that ' +
      'does not answer is listed with the reason.',
  ],
  options: clusterOptions,
  jsonHelp: 'print one JSON value: a list of stores',
  examples: ['flotilla store list', 'flotilla store list --json'],
  run: list,
})

async function list(context: VerbContext<ClusterFlags>): Promise<undefined> {
  const { output } = context
  const stores = await withCluster(context, async (client, call) => {
    output.progress.begin('list', () => ({ text: 'asking the stores' }))
    return await client.describeStores(call)
  })
  const rows = stores.map((store) => {
    const { storeId, address, reachable, boot, groupsHosted, groupsLed, groupsFailed, clients } = store
    const numbers = [boot, groupsHosted, groupsLed, groupsFailed, clients].map(String)
    const own = reachable ? numbers : numbers.map(() => '')
    return [storeId, address, reachable ? 'up' : 'no answer', ...own, printable(problemOf(store))]
  })
  const head = ['store', 'address', 'state', 'boot', 'groups', 'led', 'failed', 'clients', 'problem']
  await output.answer(
    stores.map(summaryJson),
    `${formatTable(head, rows)}\n${plural(stores.length, 'store')}`,
  )
}

function problemOf({ error, suspect, groupsFailed }: StoreSummary): string {
  if (error !== null) return error.message
  if (suspect !== null) return `suspect: ${suspect.message}`
  return groupsFailed > 0 ? `${plural(groupsFailed, 'replica')} stopped or down` : ''
}

function summaryJson(store: StoreSummary): object {
  return { ...store, error: store.error && errorView(store.error) }
}

const STORE_DESCRIBE = defineVerb<ClusterFlags>({
  usage: 'describe <id>',
  summary: 'show one store: how it sees the others, and every replica on it',
  description: [
    'Show one store: its directory and version, how it sees the other stores, and every replica on it. "flotilla inspect" ' +
      'shows the directory of a store that is stopped.',
  ],
  options: clusterOptions,
  jsonHelp: 'print one JSON value: the store with its peers and groups',
  examples: ['flotilla store describe s1', 'flotilla store describe s1 --json'],
  run: describe,
})

async function describe(context: VerbContext<ClusterFlags>): Promise<undefined> {
  const { args, output } = context
  const storeId = assertPresent(args[0], 'commander asks for the argument')
  const store = await withCluster(context, async (client, call) => {
    output.progress.begin('describe', () => ({ text: `asking ${storeId}` }))
    return await client.describeStore(storeId, call)
  })
  const groups = store.groups.map((group) => ({ ...group, error: group.error && errorView(group.error) }))
  const text = [formatHead(store), formatPeers(store), formatGroups(store)].filter((part) => part !== '')
  await output.answer({ ...summaryJson(store), groups }, text.join('\n\n'))
}

function formatHead(store: StoreReport): string {
  const { storeId, address, incarnation, boot, shards, groupsHosted, groupsLed, clients, versions } = store
  const lines = [
    `Store ${storeId} at ${address === '' ? 'an unknown address' : address}`,
    `  incarnation ${incarnation}, started ${plural(boot, 'time')}, ${plural(shards, 'shard')}`,
    `  ${plural(groupsHosted, 'group')}, leads ${groupsLed}; ${plural(clients, 'client')} connected`,
  ]
  if (versions !== null) {
    const { flotilla, protocolMin, protocolMax, dataFormat } = versions
    lines.push(`  version ${flotilla}, protocol ${protocolMin} to ${protocolMax}, data format ${dataFormat}`)
  }
  const problem = problemOf(store)
  if (problem !== '') lines.push(`  ${printable(problem)}`)
  return lines.join('\n')
}

function formatPeers({ peers }: StoreReport): string {
  if (peers.length === 0) return ''
  const fault = (error: FaultDescription | null): string => printable(error?.message ?? '')
  const rows = peers.map(({ storeId, address, connected, error }) => [
    storeId,
    address,
    connected ? 'connected' : 'not connected',
    fault(error),
  ])
  return `Other stores\n${formatTable(['store', 'address', 'state', 'error'], rows)}`
}

function formatGroups({ groups }: StoreReport): string {
  if (groups.length === 0) return 'No groups'
  const rows = groups.map((group) => {
    const { groupId, type, replica, state, term, leader, commitIndex, appliedIndex, firstIndex, lastIndex } =
      group
    const log = lastIndex < firstIndex ? `empty from ${firstIndex}` : `${firstIndex}–${lastIndex}`
    const numbers = [String(commitIndex), String(appliedIndex), log, printable(group.error?.message ?? '')]
    return [printable(groupId), printable(type), String(replica), state, leader, String(term), ...numbers]
  })
  const head = ['group', 'type', 'replica', 'state', 'leader', 'term', 'commit', 'applied', 'log', 'error']
  return `Groups\n${formatTable(head, rows)}`
}

export const STORE: Noun = {
  name: 'store',
  summary: 'look at the stores of a running cluster',
  verbs: [STORE_LIST, STORE_DESCRIBE],
}
