import { readFileSync } from 'node:fs'
import { Command, CommanderError, type OutputConfiguration } from 'commander'
import { BENCH } from './bench-command.ts'
import { DEMO } from './demo-command.ts'
import { DEV } from './dev-command.ts'
import { errorView } from './error-view.ts'
import { EXIT_BAD_USAGE, EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { printableLines } from './format.ts'
import { GROUP } from './group-verbs.ts'
import { INSPECT } from './inspect-command.ts'
import { KV } from './kv-commands.ts'
import { errorLine } from './output.ts'
import { SERVE } from './serve-command.ts'
import { nounCommand, verbCommand } from './run-verb.ts'
import { SIM } from './sim-command.ts'
import { STORE } from './store-verbs.ts'
import { UsageError } from './usage-error.ts'
import type { Noun, Verb } from './verb.ts'

/** Commands that stand alone, in the order of the help. */
const VERBS: readonly Verb[] = [DEMO, DEV, SERVE, INSPECT, BENCH]

/** Words with verbs of their own. */
const NOUNS: readonly Noun[] = [KV, GROUP, STORE, SIM]

/** Runs one command line, `args` without node and script. Resolves with the exit code and never rejects for bad usage. */
export async function runCli(args: readonly string[]): Promise<number> {
  const result = { exitCode: EXIT_DONE }
  const program = await buildProgram((exitCode) => {
    result.exitCode = exitCode
  }, args)
  // What commander writes itself: nobody need read it, and a stack trace would tell nobody more.
  let unwritten: NodeJS.ErrnoException | null = null
  for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => (unwritten ??= error))
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help that was asked for ends with 0; help because nothing was asked for does not.
    if (error.exitCode === 0) {
      await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
      return unwritten === null ? EXIT_DONE : EXIT_FAILED
    }
    if (args.includes('--json')) process.stdout.write(errorLine(errorView(usageErrorOf(error))))
    return EXIT_BAD_USAGE
  }
  return result.exitCode
}

/**
 * The tree of commands, for a command line of `args`; without them the whole tree. A command that is not among the words has
 * no options: making them may cost more than all the rest. `onEnd` is told the exit code of the verb that ran.
 */
export async function buildProgram(
  onEnd: (exitCode: number) => void,
  args?: readonly string[],
): Promise<Command> {
  const isMeant = (word: string): boolean => args === undefined || args.includes(word)
  const program = new Command('flotilla')
    .description(
      'A multi-raft storage engine: many Raft groups in one store, one disk flush for all of them.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
  for (const verb of VERBS) program.addCommand(await verbCommand(verb, onEnd, isMeant))
  for (const noun of NOUNS) program.addCommand(await nounCommand(noun, onEnd, isMeant))
  program.exitOverride().showHelpAfterError('(--help shows how it is used)')
  program.configureOutput(wordsOf(program.name()))
  inherit(program, program.name())
  return program
}

/** A command of its own inherits nothing from where it is added, so each is told. */
function inherit(parent: Command, who: string): void {
  for (const command of parent.commands) {
    const name = `${who} ${command.name()}`
    inherit(command.copyInheritedSettings(parent).configureOutput(wordsOf(name)), name)
  }
}

/** Commander's complaints in the words of all others: who says it, and no control codes of what was typed. */
function wordsOf(who: string): OutputConfiguration {
  return {
    outputError: (text, write) => write(printableLines(text.replace(/^error: /, `${who}: `))),
  }
}

/** What commander has told people on stderr, for programs. */
function usageErrorOf({ code, message }: CommanderError): UsageError {
  return new UsageError(
    code === 'commander.help'
      ? 'no command was given'
      : message.replace(/^error: /, '').replaceAll('\n', ' '),
  )
}

function packageVersion(): string {
  const manifest = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
