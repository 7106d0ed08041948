import type { Command } from 'commander'
import { EXIT_BAD_USAGE, EXIT_DONE } from '../../src/cli/exit-codes.ts'

/** Parses the arguments of a campaign and runs it: its exit code is what `run` resolves with, or that of bad usage. */
export async function runCampaign<Flags>(
  program: Command,
  run: (flags: Flags) => Promise<number>,
): Promise<void> {
  program
    .showHelpAfterError()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) })
    .exitOverride()
    .action(async (flags: Flags) => {
      process.exitCode = await run(flags)
    })
  try {
    await program.parseAsync()
  } catch (error) {
    const code = (error as { exitCode?: unknown }).exitCode
    if (typeof code !== 'number') throw error
    process.exitCode = code === 0 ? EXIT_DONE : EXIT_BAD_USAGE
  }
}
