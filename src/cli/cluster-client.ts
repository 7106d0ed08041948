import { setMaxListeners } from 'node:events'
import type { Client } from '../api/client.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { FlotillaError } from '../util/errors.ts'
import type { ClusterFlags } from './cluster-options.ts'
import type { VerbContext } from './verb.ts'

/** Looking for a store takes no longer than this, however long a call may take. */
const MAX_CONNECT_MS = 5_000

const NOT_KNOWN =
  'It is not known whether this took effect: it may have, or may yet. Look before you repeat it.'

/**
 * Finds the cluster that the command line means, does `work` with it and closes the client in any case. `call` goes into
 * every call: its time, and Ctrl-C. Rejects with UNREACHABLE, which names each address, and with what `work` rejects with,
 * an unknown outcome put in plain words.
 */
export async function withCluster<T>(
  context: VerbContext<ClusterFlags>,
  work: (client: Client, call: Required<CallOptions>) => Promise<T>,
): Promise<T> {
  const { signal, output } = context
  // Here and not above: whoever asks for help, or for the version, waits for none of it.
  const [{ findCluster }, { warnOfVariables }, { Client }] = await Promise.all([
    import('./cluster-target.ts'),
    import('./settings.ts'),
    import('../api/client.ts'),
  ])
  const { stores, source, timeoutMs } = findCluster(context)
  warnOfVariables(context)
  const shown = stores.join(', ')
  output.progress.begin('connect', () => ({ text: `looking for a store at ${shown}` }))
  const client = await interruptible(
    signal,
    Client.connect({ stores, connectTimeoutMs: Math.min(timeoutMs, MAX_CONNECT_MS) }),
    (late) => void late.close(),
  ).catch((error: unknown) => {
    throw withHint(error, source)
  })
  output.progress.end()
  // Each call of many at once listens to it.
  setMaxListeners(0, signal)
  try {
    return await work(client, { signal, timeoutMs })
  } catch (error) {
    // An interruption is reported as such, without what became of the call that it ended.
    if (signal.aborted && isUnknown(error)) output.note(NOT_KNOWN)
    throw inPlainWords(error)
  } finally {
    await client.close()
  }
}

/** `promise`, or the signal's reason as soon as there is one; what comes too late goes to `onLate`. */
async function interruptible<T>(
  signal: AbortSignal,
  promise: Promise<T>,
  onLate: (value: T) => void,
): Promise<T> {
  let stop: () => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error)
      promise.then(onLate, () => {})
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function withHint(error: unknown, source: string): unknown {
  if (!(error instanceof FlotillaError) || error.shortName !== 'UNREACHABLE') return error
  const hint = source === 'the default' ? '; --stores or FLOTILLA_STORES says where the stores are' : ''
  return new FlotillaError('UNREACHABLE', `${error.message} (addresses from ${source}${hint})`, {
    cause: error,
  })
}

function isUnknown(error: unknown): error is FlotillaError {
  return error instanceof FlotillaError && error.outcome === 'unknown'
}

function inPlainWords(error: unknown): unknown {
  if (!isUnknown(error)) return error
  const { shortName, message, outcome, leader, store } = error
  return new FlotillaError(shortName, `${message.replace(/\.?$/, '.')} ${NOT_KNOWN}`, {
    outcome,
    leader,
    store,
    cause: error,
  })
}
