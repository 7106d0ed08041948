import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import type { WritePlan } from './batches.ts'
import { drawPlan, type DiskClass } from './classes.ts'
import { checkKilled } from './loss.ts'
import { ModelViolation } from './model.ts'
import type { Scene } from './scene.ts'
import { runWriter, type Written, type WriterOptions } from './writer.ts'

const STRACE = ['/usr/bin/strace', '/usr/local/bin/strace'].find((path) => existsSync(path))
/** What the first write-ahead log of a new database may be called. */
const FIRST_LOGS = ['000003.log', '000004.log', '000005.log', '000006.log'] as const
/** So many batches are tried in all; the fault strikes among the first. */
const BATCHES = 30

/** Outcomes: what became of the refused batch by the next start, and of what was written after it. */
const AFTER_FAILURE = [
  'refused; there at the next start; later ones acknowledged',
  'refused; gone at the next start; later ones acknowledged',
  'refused; there at the next start; later ones refused',
  'refused; gone at the next start; later ones refused',
  'refused; the next start ends the process',
] as const

async function failing(
  scene: Scene,
  plan: WritePlan,
  options: WriterOptions,
  what: string,
): Promise<{ readonly written: Written; readonly present: ReadonlySet<number> | 'ended' }> {
  const written = await runWriter(scene.db, plan, options)
  const reopened = await scene.tryReopen(() => {}, what)
  if (reopened === 'ended') return { written, present: reopened }
  return { written, present: checkKilled(plan, written, reopened.after) }
}

function describeFailure({ failed, acked }: Written, present: ReadonlySet<number> | 'ended'): string {
  const first = Math.min(...failed)
  if (failed.size === 0) return 'nothing was refused'
  if (present === 'ended') return 'refused; the next start ends the process'
  const later = [...acked].some((batch) => batch > first) ? 'acknowledged' : 'refused'
  return `refused; ${present.has(first) ? 'there' : 'gone'} at the next start; later ones ${later}`
}

/** `call` of the write-ahead log fails once, at a time that is drawn. */
function injected(name: string, call: string, error: string): DiskClass {
  return {
    name,
    weight: 5,
    drawn: AFTER_FAILURE,
    ...(STRACE === undefined && { needs: 'strace' }),
    async run(scene, random) {
      mkdirSync(scene.db)
      const when = 2 + random.below(BATCHES / 2)
      const wrapper = [
        STRACE!,
        ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
        ...FIRST_LOGS.flatMap((log) => ['-P', join(scene.db, log)]),
        ...['-e', `inject=${call}:error=${error}:when=${when}`],
      ]
      const plan = {
        ...drawPlan(random),
        syncRate: 1,
        writeBufferBytes: 64 << 20,
        batches: BATCHES,
        meanValueBytes: 300,
      }
      // The count is one of each thread: with one thread it is one of the process.
      const options = { wrapper, env: { UV_THREADPOOL_SIZE: '1' } }
      const { written, present } = await failing(scene, plan, options, name)
      return describeFailure(written, present)
    },
  }
}

/** A shell that lets no file grow beyond `kib`: real EFBIG. Shells count in blocks of 512 or of 1,024 bytes. */
function limitedTo(kib: number): WriterOptions {
  return { wrapper: ['/bin/sh', '-c', `ulimit -f ${kib * 2}; exec "$0" "$@"`] }
}

const WAL_FULL: DiskClass = {
  name: 'WAL at the largest size of a file (EFBIG)',
  weight: 5,
  drawn: AFTER_FAILURE,
  async run(scene, random) {
    const plan = {
      ...drawPlan(random),
      writeBufferBytes: 64 << 20,
      batches: 60,
      meanValueBytes: random.pick([2_000, 30_000]),
    }
    const { written, present } = await failing(scene, plan, limitedTo(32 + random.below(64)), this.name)
    return describeFailure(written, present)
  },
}

/** A table grows beyond the largest size of a file, its log does not: the flush fails in the background. */
const FLUSH_FULL: DiskClass = {
  name: 'background flushes fail (EFBIG)',
  weight: 3,
  drawn: ['errors counted, writes stop without an error'],
  async run(scene, random) {
    const plan = {
      ...drawPlan(random),
      writeBufferBytes: 64 << 10,
      batches: 1_000,
      syncRate: random.pick([0, 0.05]),
      manyRows: true,
    }
    const { written } = await failing(scene, plan, limitedTo(random.pick([31, 33, 35])), this.name)
    if (written.failed.size > 0) return 'a write was refused'
    const errors = written.backgroundErrors > 0 ? 'errors counted' : 'no error counted'
    return `${errors}, writes ${written.stuck ? 'stop without an error' : 'are acknowledged'}`
  },
}

interface NativeDb {
  open(options: object, callback: (error: Error | null) => void): void
  batch(): {
    put(key: Buffer, value: Buffer): void
    write(options: object, callback: (error: Error | null) => void): void
  }
  getProperty(name: string): string
  close(callback: (error: Error | null) => void): void
}

/** The engine's port refuses it, so it is the binding itself that is asked. */
const EMPTY_BATCH: DiskClass = {
  name: 'an empty synced batch',
  weight: 2,
  drawn: ['syncs nothing'],
  async run(scene) {
    const native = new (createRequire(import.meta.url)('rocksdb') as new (dir: string) => NativeDb)(scene.db)
    const call = (run: (done: (error: Error | null) => void) => void): Promise<void> =>
      new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())))
    const syncs = (): number =>
      Number(/Cumulative WAL: .*?, (\d+) syncs/.exec(native.getProperty('rocksdb.stats'))?.[1])
    await call((done) => native.open({ createIfMissing: true }, done))
    const first = native.batch()
    first.put(Buffer.from('a'), Buffer.from('1'))
    await call((done) => first.write({ sync: true }, done))
    const before = syncs()
    await call((done) => native.batch().write({ sync: true }, done))
    const after = syncs()
    await call((done) => native.close(done))
    if (before !== 1) throw new ModelViolation(`one synced batch counts as ${before} syncs`)
    return after === before ? 'syncs nothing' : 'syncs'
  },
}

export const FAILING_CLASSES: readonly DiskClass[] = [
  injected('fdatasync of the WAL fails once (EIO)', 'fdatasync', 'EIO'),
  injected('write to the WAL fails once (ENOSPC)', 'write', 'ENOSPC'),
  WAL_FULL,
  FLUSH_FULL,
  EMPTY_BATCH,
]
