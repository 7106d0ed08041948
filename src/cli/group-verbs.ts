import type { Client } from '../api/client.ts'
import type { GroupSummary, ReplicaReport, ReplicaSummary } from '../client/admin-reports.ts'
import type { GroupDescription, MemberDescription } from '../client/group-description.ts'
import { assertPresent } from '../util/assert.ts'
import { withCluster } from './cluster-client.ts'
import { type ClusterFlags, clusterOptions } from './cluster-options.ts'
import { errorView } from './error-view.ts'
import { plural, printable } from './format.ts'
import { GROUP_VERIFY } from './group-verify-verb.ts'
import { formatTable } from './table.ts'
import { defineVerb, type Noun, type VerbContext } from './verb.ts'

const GROUP_LIST = defineVerb<ClusterFlags>({
  usage: 'list',
  summary: 'list all groups with their leaders and replicas',
  description: [
    'List every group that a store which answers hosts, with its leader, its term and where its replicas stand: the index ' +
      'that each has applied, and its state where that is neither leader nor follower.',
  ],
  options: clusterOptions,
  jsonHelp: 'print one JSON value: a list of groups',
  examples: ['flotilla group list', 'flotilla group list --json'],
  run: list,
})

async function list(context: VerbContext<ClusterFlags>): Promise<undefined> {
  const { output } = context
  const groups = await withCluster(context, async (client, call) => {
    output.progress.begin('list', () => ({ text: 'asking the stores' }))
    return await client.listGroups(call)
  })
  const rows = groups.map(({ groupId, type, leader, term, members, replicas }) => [
    printable(groupId),
    printable(type),
    leader === '' ? 'none' : leader,
    String(term),
    members.map(memberText).join(' '),
    replicas.map(replicaText).join(' '),
  ])
  const table = formatTable(['group', 'type', 'leader', 'term', 'members', 'applied'], rows)
  await output.answer(groups.map(summaryJson), `${table}\n${plural(groups.length, 'group')}`)
}

function replicaText({ storeId, state, appliedIndex, error }: ReplicaSummary): string {
  const ordinary = error === null && (state === 'leader' || state === 'follower')
  return `${storeId}:${ordinary ? appliedIndex : state}`
}

function memberText({ storeId, role }: MemberDescription): string {
  return role === 'voter' ? storeId : `${storeId} (${role})`
}

function summaryJson(group: GroupSummary): object {
  return { ...group, replicas: group.replicas.map(withErrorView) }
}

/** A copy whose error is as `--json` shows errors. */
export function withErrorView<T extends { readonly error: Error | null }>(from: T): object {
  return { ...from, error: from.error && errorView(from.error) }
}

const GROUP_DESCRIBE = defineVerb<ClusterFlags>({
  usage: 'describe <id>',
  summary: 'show what each member of a group says of it',
  description: [
    'Show what the store of each member of a group says of its replica: state, term, commit and applied index, its log, ' +
      'what is wrong with it, and what the leader knows of the others.',
  ],
  options: clusterOptions,
  jsonHelp: 'print one JSON value: the group with a report of each replica',
  examples: ['flotilla group describe kv/0000', 'flotilla group describe kv/0000 --json'],
  run: describe,
})

async function describe(context: VerbContext<ClusterFlags>): Promise<undefined> {
  const { args, output } = context
  const groupId = assertPresent(args[0], 'commander asks for the argument')
  const reports = await withCluster(context, async (client: Client, call) => {
    output.progress.begin('describe', () => ({ text: 'asking the stores' }))
    return await client.describeReplicas(groupId, call)
  })
  const known = reports.flatMap(({ description }) => (description === null ? [] : [description]))
  const newest = known.reduce((best, one) => (one.term > best.term ? one : best))
  const { type, term, members } = newest
  const leader = known.find((one) => one.state === 'leader' && one.term === term)
  const value = {
    groupId,
    type,
    leader: leader?.storeId ?? '',
    term,
    members,
    replicas: reports.map(reportJson),
  }
  const head = [
    `Group ${printable(groupId)} of type ${printable(type)}`,
    `  leader ${leader?.storeId ?? 'unknown'}, term ${term}, members ${members.map(memberText).join(' ')}`,
  ]
  const parts = [`${head.join('\n')}\n${formatReports(reports)}`]
  if (leader !== undefined && leader.replicators.length > 0) parts.push(formatReplicators(leader))
  await output.answer(value, parts.join('\n\n'))
}

function reportJson({ storeId, description, error }: ReplicaReport): object {
  return { storeId, description: description && withErrorView(description), error: error && errorView(error) }
}

function formatReports(reports: readonly ReplicaReport[]): string {
  const rows = reports.map(({ storeId, description, error }) => {
    if (description === null) {
      const state = error?.shortName === 'NO_SUCH_REPLICA' ? 'missing' : 'unreachable'
      return [storeId, '', state, '', '', '', '', printable(error?.message ?? '')]
    }
    const { replica, state, term, commitIndex, appliedIndex, firstIndex, lastIndex } = description
    const wrong = description.error?.message ?? (description.waitsForSnapshot ? 'waits for a snapshot' : '')
    const log = lastIndex < firstIndex ? `empty from ${firstIndex}` : `${firstIndex}–${lastIndex}`
    const numbers = [String(term), String(commitIndex), String(appliedIndex)]
    return [storeId, String(replica), state, ...numbers, log, printable(wrong)]
  })
  return formatTable(['store', 'replica', 'state', 'term', 'commit', 'applied', 'log', 'error'], rows)
}

function formatReplicators({ storeId, replicators }: GroupDescription): string {
  const rows = replicators.map(({ storeId: other, state, matchIndex, nextIndex }) => [
    other,
    state,
    String(matchIndex),
    String(nextIndex),
  ])
  return `What ${storeId} knows of the others\n${formatTable(['store', 'state', 'match', 'next'], rows)}`
}

export const GROUP: Noun = {
  name: 'group',
  summary: 'look at the Raft groups of a running cluster',
  verbs: [GROUP_LIST, GROUP_DESCRIBE, GROUP_VERIFY],
}
