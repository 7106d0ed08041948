/** `npm run bench`: the same command as `flotilla bench`. */
import { CommanderError } from 'commander'
import { benchCommand } from '../src/bench/command.ts'

const EXIT_BAD_USAGE = 2

try {
  await benchCommand().exitOverride().parseAsync(process.argv.slice(2), { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_USAGE
}
