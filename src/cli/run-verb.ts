import { Command } from 'commander'
import { errorView } from './error-view.ts'
import { EXIT_BAD_USAGE, EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { Interrupted, Interruption } from './interruption.ts'
import { Output } from './output.ts'
import { startDirectory } from './start-directory.ts'
import type { Noun, Verb, VerbContext } from './verb.ts'

type OnEnd = (exitCode: number) => void

/** Which commands are meant, by the first word of each. */
type IsMeant = (word: string) => boolean

/** A noun with its verbs, as commander knows them. `onEnd` is told the exit code of the verb that ran. */
export async function nounCommand(noun: Noun, onEnd: OnEnd, isMeant: IsMeant): Promise<Command> {
  const command = new Command(noun.name).summary(noun.summary).description(sentence(noun.summary))
  for (const verb of noun.verbs) {
    command.addCommand(await verbCommand(verb, onEnd, () => isMeant(noun.name), noun.name))
  }
  return command
}

/** One that is not meant has a place in the list of commands and no options. */
export async function verbCommand(
  verb: Verb,
  onEnd: OnEnd,
  isMeant: IsMeant,
  noun?: string,
): Promise<Command> {
  const [name, ...args] = verb.usage.split(' ') as [string, ...string[]]
  const command = new Command(name)
    .summary(verb.summary)
    .description(verb.description.join('\n\n'))
    .allowExcessArguments(false)
  for (const arg of args) command.argument(arg)
  if (isMeant(name)) for (const option of await verb.options()) command.addOption(option)
  command.option('--json', `${verb.jsonHelp}; all else goes to stderr`)
  const examples = verb.examples.map((example) => `  $ ${example}`).join('\n')
  command.addHelpText('after', `\nExample${verb.examples.length === 1 ? '' : 's'}:\n${examples}`)
  const who = ['flotilla', ...(noun === undefined ? [] : [noun]), name].join(' ')
  return command.action(async () => onEnd(await runVerb(verb, who, command)))
}

async function runVerb(verb: Verb, who: string, command: Command): Promise<number> {
  const flags = command.opts<{ json?: boolean }>()
  const json = flags.json === true
  const interruption = new Interruption()
  const { signal } = interruption
  const output = new Output(json, process.env, signal)
  const context: VerbContext = {
    args: command.processedArgs.flat().filter((arg): arg is string => typeof arg === 'string'),
    flags,
    json,
    signal,
    output,
    env: process.env,
    cwd: startDirectory(process.env),
  }
  try {
    const exitCode = (await verb.run(context)) ?? EXIT_DONE
    output.progress.end()
    await output.written()
    // Whoever was told to end, and has, is done; but what nobody could read is no answer.
    if (signal.aborted && !(signal.reason instanceof Interrupted && !signal.reason.readerGone))
      throw signal.reason
    return exitCode
  } catch (error) {
    return report(signal.aborted ? signal.reason : error, who, output)
  } finally {
    interruption.dispose()
  }
}

function report(error: unknown, who: string, output: Output): number {
  output.progress.end()
  if (error instanceof Interrupted && error.readerGone) return error.exitCode
  const view = errorView(error)
  output.error(who, view)
  if (error instanceof Interrupted) return error.exitCode
  return view.code === 'FLOTILLA_INVALID_ARGUMENT' ? EXIT_BAD_USAGE : EXIT_FAILED
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}
