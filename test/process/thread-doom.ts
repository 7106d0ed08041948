/** Loaded into the tests' store processes and their threads: a shard's thread that dies of a bug, by word of its process. */
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

export const DOOM_CHANNEL = 'flotilla-test-doom'

if (!isMainThread) {
  const channel = new BroadcastChannel(DOOM_CHANNEL)
  // It must not keep the thread from its end.
  channel.unref()
  channel.onmessage = (event) => {
    const { data } = event as { readonly data: unknown }
    if (data === 'exit') process.exit(7)
    setImmediate(() => {
      throw new Error('a bug in the thread')
    })
  }
}
