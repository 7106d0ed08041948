/** `npm run bench`: the same command as `flotilla bench`. */
import { runCli } from '../src/cli/program.ts'

process.exitCode = await runCli(['bench', ...process.argv.slice(2)])
