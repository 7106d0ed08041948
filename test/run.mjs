/**
 * Runs the compiled tests under vitest and ends with one line on stdout, `N passed, N failed`, also when vitest itself
 * dies; tests that were skipped are counted on the line before. Exit code 0 only when something ran and nothing failed. Arguments go to vitest; paths may be
 * given as test/… or dist/test/…, with .ts or .js.
 */
import { spawn } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const VITEST = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
const REPORTER = path.join(ROOT, 'test', 'count-reporter.mjs')
/** Time for vitest to go after its report; a process that stays is a failure of its own, not a reason to hang. */
const EXIT_GRACE_MS = 60_000

/** Options whose next argument is a value of theirs, never a path of tests. */
const WITH_VALUE = new Set([
  '-t',
  '--testNamePattern',
  '--reporter',
  '-r',
  '--root',
  '-c',
  '--config',
  '--project',
])

function compiledPath(arg) {
  const relative = path.relative(ROOT, path.resolve(arg)).split(path.sep).join('/')
  const match = /^(?:dist\/)?(test(?:\/.*)?)$/.exec(relative)
  return match ? `dist/${match[1].replace(/\.ts(:\d+)?$/, '.js')}` : arg
}

function vitestArgs(args) {
  const mapped = args.map((arg, i) =>
    arg.startsWith('-') || WITH_VALUE.has(args[i - 1]) ? arg : compiledPath(arg),
  )
  const ownReporter = args.some((arg) => /^(-r|--reporter)(=|$)/.test(arg))
  return ['run', `--reporter=${REPORTER}`, ...(ownReporter ? [] : ['--reporter=default']), ...mapped]
}

/** Tests must not depend on how they were started; and what goes into a pipe or a file has no control codes. */
function testEnvironment() {
  const env = { ...process.env, NODE_ENV: 'test' }
  if (!process.stdout.isTTY && !env.FORCE_COLOR) env.NO_COLOR = '1'
  return env
}

let counts = { passed: 0, failed: 0, skipped: 0, files: 0, complete: false }
let interrupted = null

const child = spawn(process.execPath, [VITEST, ...vitestArgs(process.argv.slice(2))], {
  cwd: ROOT,
  env: testEnvironment(),
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
})

child.on('message', (message) => {
  counts = message
  if (counts.complete) setTimeout(() => child.kill('SIGKILL'), EXIT_GRACE_MS).unref()
})
child.on('error', (error) => finish(1, error.message))
child.on('close', (code, signal) => finish(code, signal))

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = signal
    child.kill(signal)
  })
}

function finish(code, reason) {
  child.removeAllListeners()
  let { passed, failed, skipped } = counts
  const nothingRan = passed + failed === 0
  // What ended badly without a failure to its name: a crash, a kill, a threshold. Finding no tests has its own words.
  if (failed === 0 && (!counts.complete || (code !== 0 && counts.files > 0))) failed = 1
  if (reason) process.stderr.write(`flotilla: vitest ended early: ${reason}\n`)
  else if (nothingRan) process.stderr.write('flotilla: no test ran\n')
  // Set, not called: what is still on its way to a pipe must get out.
  process.exitCode = interrupted ? 128 + os.constants.signals[interrupted] : failed > 0 || nothingRan ? 1 : 0
  const skips = skipped > 0 ? `${skipped} skipped\n` : ''
  process.stdout.write(`\n${skips}${passed} passed, ${failed} failed\n`)
}
