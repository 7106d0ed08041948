import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { benchCommand } from '../bench/command.ts'
import { demoCommand } from './demo-command.ts'
import { EXIT_BAD_USAGE, EXIT_DONE } from './exit-codes.ts'

/** Runs one command line, `args` without node and script. Resolves with the exit code and never rejects for bad usage. */
export async function runCli(args: readonly string[]): Promise<number> {
  const result = { exitCode: EXIT_DONE }
  const program = new Command('flotilla')
    .description(
      'A multi-raft storage engine: many Raft groups in one store, one disk flush for all of them.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(flotilla --help lists what there is)')
  // A command of its own inherits nothing that was set before it was added, so it is told the same.
  program.addCommand(
    demoCommand((exitCode) => {
      result.exitCode = exitCode
    }).copyInheritedSettings(program),
  )
  program.addCommand(benchCommand().copyInheritedSettings(program))
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help that was asked for ends with 0; help because nothing was asked for does not.
    return error.exitCode === 0 ? EXIT_DONE : EXIT_BAD_USAGE
  }
  // The bench sets the exit code of the process, for it is a program of its own too.
  return result.exitCode || Number(process.exitCode ?? EXIT_DONE)
}

function packageVersion(): string {
  const manifest = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
