/** `npm run torture`: three store processes under load, killed and damaged at random. Exit code 0 when nothing was lost. */
import { randomBytes } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { Display, displayOptionsFor } from '../../src/cli/display.ts'
import { EXIT_DONE, EXIT_FAILED } from '../../src/cli/exit-codes.ts'
import { Interrupted, Interruption } from '../../src/cli/interruption.ts'
import { runCampaign } from '../cli/run-campaign.ts'
import { damageClasses } from './damages.ts'
import { formatReport } from './report.ts'
import { runTorture } from './torture.ts'

const MS_PER_MINUTE = 60_000

interface Flags {
  readonly minutes: number
  readonly seed?: string
  readonly damage?: readonly string[]
  readonly keep: boolean
}

function parseMinutes(text: string): number {
  const minutes = Number(text)
  if (text.trim() !== '' && minutes > 0 && minutes <= 24 * 60) return minutes
  throw new InvalidArgumentError('It must be a number above 0.')
}

function parseDamage(text: string, before: readonly string[] = []): readonly string[] {
  const names = damageClasses().map(({ name }) => name)
  if (names.includes(text)) return [...before, text]
  throw new InvalidArgumentError(`It must be one of: ${names.join(', ')}.`)
}

async function torture(flags: Flags): Promise<number> {
  const { minutes, seed = randomBytes(4).toString('hex'), damage, keep } = flags
  const interruption = new Interruption()
  const display = new Display(process.stderr, displayOptionsFor(process.stderr, process.env))
  try {
    display.line('seed', seed)
    const { signal } = interruption
    const durationMs = minutes * MS_PER_MINUTE
    const damages = damage === undefined ? null : new Set(damage)
    const report = await runTorture({ durationMs, seed, damages, keep, display, signal })
    process.stdout.write(formatReport(report))
    if (keep) display.line('kept', report.dir)
    return report.problems.length === 0 ? EXIT_DONE : EXIT_FAILED
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.stderr.write(`torture: ${error.message}\n`)
    return error.exitCode
  } finally {
    interruption.dispose()
  }
}

const program = new Command('torture')
  .description(
    'Three store processes under load; one after the other is killed, and some start on damaged files.',
  )
  .option('--minutes <n>', 'how long', parseMinutes, 10)
  .option('--seed <text>', 'repeats the choices of an earlier run (not its timing)')
  .option('--damage <class>', 'only damage of this class; may be given again', parseDamage)
  .option('--keep', 'leave the directories where they are', false)

await runCampaign(program, torture)
