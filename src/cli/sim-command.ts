import { InvalidArgumentError, Option } from 'commander'
import { DEFAULT_SEEDS } from './sim-messages.ts'
import type { SimFlags } from './sim-run.ts'
import { defineVerb, type Noun } from './verb.ts'

const RUN = defineVerb<SimFlags>({
  usage: 'run',
  summary: 'play seeds of the deterministic simulator',
  description: [
    'Play whole clusters on simulated clock, network and disks, under faults that a seed draws, and check every step. The ' +
      'same seed is the same run, wherever it is played.',
    'Each seed draws its own cluster: 1 to 7 stores, 3 to 64 groups, the kinds and rates of faults, sizes of values, what ' +
      'clients do. Faults last for 60 simulated seconds; then a part of the cluster that has a majority of every group is ' +
      'healed, and must come to rest. Exit 1 at the first seed that breaks an invariant, with the events before it and the ' +
      'command that plays it again.',
  ],
  options: () => [
    new Option('--seeds <n>', `play so many seeds (default: ${DEFAULT_SEEDS})`).argParser(wholeNumber(1)),
    new Option('--from <seed>', 'the first of them').argParser(wholeNumber(0)).default(1),
    new Option('--seed <seed>', 'play this seed alone').argParser(wholeNumber(0)),
    new Option('--trace', 'with --seed or --plan: print every event'),
    new Option(
      '--minimize <seed>',
      'find a smaller run that fails like this seed, and write it to a file',
    ).argParser(wholeNumber(0)),
    new Option('--plan <file>', 'play a run that --minimize has written'),
    new Option('--jobs <n>', 'threads (default: one per core)').argParser(wholeNumber(1)),
    new Option('--stores <n>', 'stores of each cluster, instead of drawing them').argParser(
      wholeNumber(1, 7),
    ),
    new Option('--groups <n>', 'groups of each cluster at most').argParser(wholeNumber(3, 64)),
    new Option('--seconds <n>', 'simulated seconds of faults (default: 60)').argParser(wholeNumber(1)),
    new Option('--keep-going', 'go on after a seed that fails'),
  ],
  jsonHelp: 'print the totals, or the failure, as one JSON value',
  examples: [
    'flotilla sim run --seeds 2 --seconds 1 --groups 4',
    'flotilla sim run --seed 8 --seconds 1 --groups 3 --trace',
  ],
  run: async (context) => (await import('./sim-run.ts')).runSim(context),
})

/** The noun `sim`. */
export const SIM: Noun = { name: 'sim', summary: 'the deterministic simulator', verbs: [RUN] }

function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
    throw new InvalidArgumentError(`It must be a whole number ${range}.`)
  }
}
