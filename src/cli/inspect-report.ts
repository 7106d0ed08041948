import type { Guard, InspectedGroup, InspectedShard, InspectedStore } from '../admin/inspected-store.ts'
import { formatBytes, formatCount, plural, printable } from './format.ts'
import { keyText } from './kv-text.ts'
import { formatRegion } from './region-bound.ts'
import { formatTable } from './table.ts'

/** An inspection for people: tables, and what is wrong at the end, where it is seen. */
export function formatInspection(store: InspectedStore): string {
  const parts = [formatHead(store)]
  if (store.peers.length > 0) parts.push(formatPeers(store))
  for (const shard of store.shards) parts.push(...formatShard(shard))
  const guards = allGuards(store)
  parts.push(`Checks\n${formatChecks(guards)}`, formatVerdict(store, guards))
  return parts.join('\n\n')
}

function formatHead({ dir, identity, address, accusations }: InspectedStore): string {
  const lines: string[] = []
  if (identity === null) lines.push(`Store of unknown identity in ${dir}`)
  else {
    const { storeId, clusterId, incarnation, boot, shards, format, engine } = identity
    lines.push(`Store ${printable(storeId)} of cluster ${printable(clusterId)} in ${dir}`)
    lines.push(`  incarnation ${incarnation}, started ${plural(boot, 'time')}, ${plural(shards, 'shard')}`)
    lines.push(`  format ${format}, engine ${engine}${address === '' ? '' : `, address ${address}`}`)
  }
  for (const { by, why } of accusations) lines.push(`  store ${printable(by)} refuses it: ${printable(why)}`)
  return lines.join('\n')
}

function formatPeers({ peers }: InspectedStore): string {
  const rows = peers.map(({ storeId, address, incarnation, boot, flushSeen }) => [
    printable(storeId),
    address,
    incarnation === '' ? 'never met' : incarnation,
    String(boot),
    flushSeen.join(', '),
  ])
  return `Other stores\n${formatTable(['store', 'address', 'incarnation', 'boot', 'flushes seen'], rows)}`
}

function formatShard(shard: InspectedShard): string[] {
  const { highestFlush, ledgerFlush, databaseId, groups } = shard
  const flush = highestFlush === null ? 'unknown' : formatCount(highestFlush)
  const ledger = ledgerFlush === null ? 'unknown' : formatCount(ledgerFlush)
  const title = [
    `Shard ${shard.shard} in ${shard.dir}`,
    `  newest flush ${flush}, by the ledger ${ledger}, database ${databaseId ?? 'unknown'}`,
  ].join('\n')
  if (groups.length === 0) return [`${title}\n  no groups`]
  const parts = [`${title}\n${formatGroups(groups)}`]
  const keys = keyspaceRows(groups)
  if (keys.length > 0) {
    parts.push(
      `Keys of shard ${shard.shard}\n${formatTable(['group', 'region', 'keyspace', 'keys', 'bytes'], keys)}`,
    )
  }
  const listed = groups.flatMap(({ groupId, state }) =>
    (state?.keyList ?? []).map(({ keyspace, key, valueBytes }) => [
      printable(groupId),
      printable(keyspace),
      keyText(key),
      String(valueBytes),
    ]),
  )
  if (listed.length > 0) parts.push(formatTable(['group', 'keyspace', 'key', 'value bytes'], listed))
  return parts
}

const GROUP_HEAD = [
  'group',
  'type',
  'slot',
  'space',
  'members',
  'term',
  'vote',
  'log',
  'blocks',
  'bytes',
  'applied',
]

function formatGroups(groups: readonly InspectedGroup[]): string {
  const rows = groups.map(({ groupId, type, slot, space, replica, term, votedFor, members, log, state }) => [
    printable(groupId),
    printable(type),
    String(slot),
    space === 0 ? '-' : String(space),
    members.map((member) => `${member.storeId}${member.replica === replica ? '*' : ''}`).join(' '),
    String(term),
    votedFor === null ? '-' : (votedFor.storeId ?? `replica ${votedFor.replica}`),
    log.entries === 0
      ? `empty from ${log.firstIndex}`
      : `${log.firstIndex}–${log.lastIndex} (term ${log.lastTerm})`,
    formatCount(log.blocks),
    formatBytes(log.bytes),
    state === null ? '-' : `${state.appliedIndex} (term ${state.appliedTerm})`,
  ])
  const broken = groups.flatMap(({ groupId, log }) =>
    log.brokenBy === null
      ? []
      : [`  ${printable(groupId)}: nothing behind index ${log.lastIndex} can be read: ${log.brokenBy}`],
  )
  return [formatTable(GROUP_HEAD, rows), ...broken].join('\n')
}

function keyspaceRows(groups: readonly InspectedGroup[]): string[][] {
  return groups.flatMap(({ groupId, region, state }) => {
    if (state?.keyspaces == null) return []
    const own = [printable(groupId), region === null ? '-' : formatRegion(region)]
    const rows = state.keyspaces.map(({ keyspace, keys, bytes }) => [
      ...own,
      printable(keyspace),
      formatCount(keys),
      formatBytes(bytes),
    ])
    if (rows.length === 0) rows.push([...own, '-', '0', '0 B'])
    if (!state.countedAll) rows.push([...own, '…', 'more, not counted', ''])
    return rows
  })
}

function formatChecks(guards: readonly Guard[]): string {
  const rows = guards.map(({ name, verdict, detail }) => [name, verdict, printable(detail)])
  return formatTable(['check', 'verdict', 'found'], rows)
}

function formatVerdict({ verdict }: InspectedStore, guards: readonly Guard[]): string {
  if (verdict === 'sound') return 'Sound: everything that was checked is as it was written.'
  const bad = guards.filter((guard) => guard.verdict === 'damaged')
  return [
    `Damaged: ${plural(bad.length, 'check')} failed.`,
    ...bad.flatMap(({ name, detail, remedy }) => [
      `  ${name}: ${printable(detail)}`,
      ...(remedy === undefined ? [] : [`    What to do: ${remedy}`]),
    ]),
  ].join('\n')
}

/** Of a store with several shards the shard's number stands before the name. */
function allGuards({ guards, shards }: InspectedStore): Guard[] {
  const named = (shard: InspectedShard): Guard[] =>
    shards.length === 1
      ? [...shard.guards]
      : shard.guards.map((guard) => ({ ...guard, name: `shard ${shard.shard} ${guard.name}` }))
  return [...guards, ...shards.flatMap(named)]
}
