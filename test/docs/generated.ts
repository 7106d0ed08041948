import type { Command } from 'commander'
import { STORE_OPTION_TABLE, type StoreOptionRow } from '../../src/api/option-table.ts'
import { clusterOptions } from '../../src/cli/cluster-options.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { ALL_SETTINGS } from '../../src/cli/setting-table.ts'
import { ERRORS } from '../../src/util/errors.ts'
import * as limits from '../../src/util/limits.ts'

/**
 * What the docs take from tables of the code. Each part stands in a page between `<!-- generated: NAME -->` and
 * `<!-- /generated -->`; the rest of the page is written by hand.
 */
const PARTS: Readonly<Record<string, () => string>> = {
  errors: errorList,
  settings: settingTable,
  limits: limitTable,
  'cluster options': clusterOptionTable,
  commands: commandList,
}

const PROGRAM = await buildProgram(() => {})

const PART = /^<!-- generated: (.+) -->$[\s\S]*?^<!-- \/generated -->$/gm

/** The page with its parts as they should be. Throws for a part that is unknown. */
export function withGeneratedParts(page: string): string {
  return page.replace(PART, (_, name: string) => {
    const part = PARTS[name]
    if (part === undefined) throw new Error(`no part is called ${name}: known are ${Object.keys(PARTS)}`)
    return `<!-- generated: ${name} -->\n\n${part()}\n\n<!-- /generated -->`
  })
}

export function partNames(page: string): string[] {
  return Array.from(page.matchAll(PART), ([, name]) => name!)
}

export const ALL_PARTS: readonly string[] = Object.keys(PARTS)

function errorList(): string {
  const sections = Object.entries(ERRORS).map(([name, row]) => {
    const usual = `\`${row.outcome}\``
    const other = row.outcome === 'unknown' ? '`not-applied`' : '`unknown`'
    const outcome = row.other === '' ? usual : `${usual}, ${other} ${row.other}`
    return [
      `### FLOTILLA_${name}`,
      '',
      row.meaning,
      '',
      `- Outcome: ${outcome}. ${row.retryable ? 'Retryable.' : 'Not retryable.'}`,
      `- What to do: ${row.remedy}`,
    ].join('\n')
  })
  return sections.join('\n\n')
}

function settingTable(): string {
  const names = new Set(STORE_OPTION_TABLE.map(({ name }) => name))
  const rows = [...STORE_OPTION_TABLE, ...ALL_SETTINGS.filter(({ name }) => !names.has(name))]
  return table(['name', 'flag and variable', 'default', 'what it is'], rows.map(settingCells))
}

function settingCells({ name, flag, variable, description, unit, defaultText }: StoreOptionRow): string[] {
  const byText = flag === '' ? 'in code only' : `\`${flag}\` \`${variable}\``
  const inUnit = unit === '' ? '' : ` (${unit})`
  return [`\`${name}\``, byText, defaultText ?? 'must be given', `${description}${inUnit}`]
}

function limitTable(): string {
  const rows: readonly (readonly [string, string])[] = [
    ['a key', bytes(limits.MAX_KEY_BYTES)],
    ['a value', bytes(limits.MAX_VALUE_BYTES)],
    ['a batch, keys and values together', bytes(limits.MAX_BATCH_BYTES)],
    ['an entry given to `apply`', bytes(limits.MAX_ENTRY_BYTES)],
    ['`args` of a group', bytes(limits.MAX_GROUP_ARGS_BYTES)],
    ['the name of a cluster, store, group or keyspace', bytes(limits.MAX_NAME_BYTES)],
    ['key-value regions', `${limits.MAX_REGIONS}`],
    ['members of a group', `${limits.MAX_MEMBERS}`],
    ['groups of one `createGroups`', `${limits.MAX_CREATE_GROUPS}`],
    ['clients of a store', `${limits.MAX_CLIENTS_PER_STORE}`],
    ['views that a store keeps open for one client', `${limits.MAX_REMOTE_VIEWS_PER_PEER}`],
    ['calls in flight of one store or client', `${limits.MAX_CLIENT_CALLS}`],
    ['proposals in flight of one group', `${limits.MAX_PENDING_TASKS_PER_GROUP}`],
    ['their bytes', bytes(limits.MAX_PENDING_TASK_BYTES_PER_GROUP)],
    ['`timeoutMs` of a call', `${limits.MAX_CALL_TIMEOUT_MS / 3_600_000} hours`],
  ]
  return table(['of', 'at most'], rows)
}

function clusterOptionTable(): string {
  return table(
    ['option', 'what it does'],
    clusterOptions().map((option) => [`\`${option.flags}\``, option.description]),
  )
}

/** Every command with its options; those that all commands of a cluster share are told once, before. */
function commandList(): string {
  const shared = new Set(clusterOptions().map(({ long }) => long))
  return verbsOf(PROGRAM, 'flotilla')
    .map(({ command, path }) => commandSection(command, path, shared))
    .join('\n\n')
}

interface NamedCommand {
  readonly command: Command
  readonly path: string
}

/** The commands that do something, with their full names. */
export function verbsOf(parent: Command, path: string): NamedCommand[] {
  return parent.commands.flatMap((command) => {
    const own = { command, path: `${path} ${command.name()}` }
    return command.commands.length > 0 ? verbsOf(command, own.path) : [own]
  })
}

function commandSection(command: Command, path: string, shared: ReadonlySet<string | undefined>): string {
  const help = command.createHelp()
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help')
  const isOfCluster = options.some(({ long }) => long === '--timeout-ms')
  const own = isOfCluster ? options.filter(({ long }) => !shared.has(long)) : options
  const rows = own.map((option) => [`\`${help.optionTerm(option)}\``, help.optionDescription(option)])
  const args = help.commandUsage(command).split(' [options]')[1] ?? ''
  return [
    `### ${path}`,
    `\`${path}${args}\``,
    command.description(),
    table(['option', 'what it does'], rows),
    ...(isOfCluster ? ['And the options of [every command of a cluster](#talking-to-a-cluster).'] : []),
    ...textAfterOptions(command),
  ].join('\n\n')
}

/** What the help adds behind its options, examples included. */
function textAfterOptions(command: Command): string[] {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  const after = help.slice(command.helpInformation().length).trim()
  return after === '' ? [] : [`\`\`\`text\n${after}\n\`\`\``]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function bytes(count: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'] as const
  const power = units.findLastIndex((_, i) => i === 0 || count % 1024 ** i === 0)
  return `${count / 1024 ** power} ${units[power]}`
}
