import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import type { LogLevel } from '../env/node-logger.ts'
import { DevCluster, type DevStoreView } from './dev-cluster.ts'
import { DevDirectory } from './dev-directory.ts'
import { DEV_GROUPS, DEV_HOST, DEV_PORT, DEV_STORES, MAX_DEV_GROUPS, MAX_DEV_STORES } from './dev-settings.ts'
import { EXIT_DONE } from './exit-codes.ts'
import { plural } from './format.ts'
import { invocation } from './invocation.ts'
import { Interrupted } from './interruption.ts'
import { LOG_LEVELS } from './log-levels.ts'
import { formatTable } from './table.ts'
import { defineVerb, type VerbContext } from './verb.ts'

const MAX_PORT = 65_535

interface Flags {
  readonly stores?: number
  readonly groups?: number
  readonly dataDir?: string
  readonly port: number
  readonly logLevel: LogLevel
}

export const DEV = defineVerb<Flags>({
  usage: 'dev',
  summary: 'keep a cluster of three stores running on this machine',
  description: [
    'Keep a cluster running on this machine, each store a process of its own, and say how to talk to it. A store process ' +
      'that dies is started again: kill one with kill -9 and see. Ctrl-C ends them all.',
    'Without --data-dir the data lies under the temporary directory (TMPDIR) and is removed at the end. Neither ' +
      'FLOTILLA_… variables nor a flotilla.json change anything here.',
  ],
  options: () => [
    new Option('--stores <n>', `stores, 1 to ${MAX_DEV_STORES} (default: ${DEV_STORES})`).argParser(
      wholeNumber(1, MAX_DEV_STORES),
    ),
    new Option(
      '--groups <n>',
      `key-value regions, 1 to ${MAX_DEV_GROUPS} (default: ${DEV_GROUPS})`,
    ).argParser(wholeNumber(1, MAX_DEV_GROUPS)),
    new Option('--data-dir <dir>', 'keep the data here, and go on with it the next time'),
    new Option('--port <n>', `port of the first store on ${DEV_HOST}, the others follow; 0 takes free ones`)
      .argParser(wholeNumber(0, MAX_PORT - MAX_DEV_STORES))
      .default(DEV_PORT),
    new Option('--log-level <level>', 'lines of JSON of all stores on stderr')
      .choices(LOG_LEVELS)
      .default('silent'),
  ],
  jsonHelp: 'print one JSON value once every group has a leader',
  examples: [
    'flotilla dev',
    'flotilla dev --data-dir ./dev-data --port 0',
    'flotilla dev --stores 1 --groups 4 --port 7301 --json',
  ],
  run: dev,
})

async function dev(context: VerbContext<Flags>): Promise<number> {
  const { flags, signal, output, cwd } = context
  const { stores, groups, port, logLevel } = flags
  const dir = new DevDirectory(flags.dataDir === undefined ? undefined : resolve(cwd, flags.dataDir), {
    ...(stores === undefined ? {} : { stores }),
    ...(groups === undefined ? {} : { groups }),
  })
  const { path, isTemporary, shape } = dir
  const tell = (text: string): void => output.note(text)
  const cluster = new DevCluster({
    ...shape,
    dir: path,
    scratchDir: isTemporary ? path : '',
    port,
    logLevel,
    tell,
  })
  const onExit = (): void => {
    cluster.killNow()
    dir.removeNow()
  }
  process.prependListener('exit', onExit)
  try {
    await unlessAborted(run(cluster, dir, context), signal)
  } catch (error) {
    // Ctrl-C is how it ends.
    if (!(error instanceof Interrupted) || error.readerGone) throw error
  } finally {
    output.progress.begin('dev', () => ({ text: 'the stores are closing' }))
    await cluster.close()
    await dir.remove()
    process.removeListener('exit', onExit)
  }
  return EXIT_DONE
}

/** Never resolves while a store runs. */
async function run(cluster: DevCluster, dir: DevDirectory, context: VerbContext): Promise<void> {
  const { output, env, signal } = context
  const { shape, path, isTemporary } = dir
  output.progress.begin('dev', () => ({ text: `starting: ${cluster.progress}` }))
  await cluster.start()
  signal.throwIfAborted()
  const stores = cluster.describe()
  const data = `${path}${isTemporary ? ', removed at the end' : ''}`
  const me = invocation(env, process.argv[1] ?? 'flotilla')
  await output.answer({ ...shape, stores, dataDir: path }, greeting(stores, shape.groups, data, me))
  await cluster.keepRunning()
  throw new Error('no store is left')
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function greeting(stores: readonly DevStoreView[], groups: number, data: string, me: string): string {
  const addresses = stores.map(({ address }) => address)
  const isDefault =
    stores.length === DEV_STORES && addresses.every((address, i) => address === `${DEV_HOST}:${DEV_PORT + i}`)
  const where = isDefault ? '' : ` --stores ${addresses.join(',')}`
  const listed = addresses.map((address) => `'${address}'`).join(', ')
  return [
    `A cluster of ${plural(stores.length, 'store')} with ${plural(groups, 'group')} is running. Data: ${data}`,
    formatTable(
      ['store', 'address', 'process'],
      stores.map(({ storeId, address, pid }) => [storeId, address, String(pid)]),
    ),
    '',
    'Talk to it from another terminal:',
    `  ${me} kv put greeting hello${where}`,
    `  ${me} kv get greeting${where}`,
    `  ${me} group list${where}`,
    'and from JavaScript:',
    "  import { Client } from 'flotilla/client'",
    `  const client = await Client.connect({ stores: [${listed}] })`,
    "  console.log(await client.kv().get('greeting'))",
    '  await client.close()',
    '',
    `A store that dies is started again: kill -9 ${stores[0]!.pid} shows it. Ctrl-C ends all.`,
  ].join('\n')
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`)
  }
}
