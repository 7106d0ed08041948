import { InvalidArgumentError, Option } from 'commander'
import { SCENARIO_NAMES } from '../bench/scenarios.ts'
import { MAX_ENTRY_BYTES, MAX_GROUPS_PER_CALL, MAX_PENDING_TASKS_PER_GROUP } from '../util/limits.ts'
import type { BenchFlags } from './bench-run.ts'
import { defineVerb } from './verb.ts'

const MAX_SECONDS = 3_600
const MAX_REPEAT = 100

export const BENCH = defineVerb<BenchFlags>({
  usage: 'bench',
  summary: 'measure writes per second of three stores on this machine',
  description: [
    'Measure writes per second of three stores on this machine, closed loop, with fsync.',
    'Scenarios: "skeleton" is the design without Raft, the speed of light of this machine; "raw-log" is group.apply() to a ' +
      'state machine that counts bytes; "kv-put" is store.kv().put(): the groups are regions, keys are drawn from a million.',
    'Without --groups, --in-flight and --payload a default set is measured, in under three minutes: every scenario with 16 B ' +
      'at 1 × 256, 1 × 4096 and 48 × 1024 (groups × calls in flight), and kv-put with 1 KiB at 48 × 1024. Ratios are taken ' +
      'to the skeleton. Stores keep their data under the temporary directory (TMPDIR), which should be on a disk.',
  ],
  options: () => [
    new Option(
      '--scenario <names>',
      `comma-separated: ${SCENARIO_NAMES.join(', ')} (default: all)`,
    ).argParser(parseScenarios),
    new Option('--groups <counts>', 'groups, comma-separated').argParser(
      listOf(integer(1, MAX_GROUPS_PER_CALL)),
    ),
    new Option(
      '--in-flight <counts>',
      'calls in flight over all groups, comma-separated; measured with each of --groups',
    ).argParser(listOf(integer(1, MAX_PENDING_TASKS_PER_GROUP))),
    new Option('--payload <bytes>', 'bytes per write, comma-separated (default: 16)').argParser(
      listOf(integer(1, MAX_ENTRY_BYTES)),
    ),
    new Option('--seconds <n>', 'measured time of each run').argParser(seconds(0.1)).default(8),
    new Option('--warmup <n>', 'seconds before it').argParser(seconds(0)).default(2),
    new Option('--repeat <n>', 'runs of each, interleaved; the table shows medians')
      .argParser(integer(1, MAX_REPEAT))
      .default(1),
  ],
  jsonHelp: 'print one JSON value: the machine and all runs',
  examples: ['flotilla bench --scenario skeleton,kv-put --groups 1,48 --in-flight 1024 --repeat 3'],
  run: async (context) => (await import('./bench-run.ts')).bench(context),
})

function parseScenarios(text: string): string[] {
  const names = text.split(',')
  for (const name of names) {
    if (SCENARIO_NAMES.includes(name)) continue
    throw new InvalidArgumentError(`"${name}" is none of ${SCENARIO_NAMES.join(', ')}.`)
  }
  return names
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`)
  }
}

function seconds(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= MAX_SECONDS) return value
    throw new InvalidArgumentError(`Seconds from ${min} to ${MAX_SECONDS} are wanted.`)
  }
}

function listOf(parse: (text: string) => number): (text: string) => number[] {
  return (text) => text.split(',').map(parse)
}
