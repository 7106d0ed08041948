import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DamageCase, StoppedStore } from './damages.ts'
import type { Found, Promised } from './shard-child.ts'

/**
 * `unharmed`: nothing was lost and nothing needed mending. `repaired`: mended at the start, with a warning. `refused`: the
 * store does not start. `gone`: the state is gone and cannot be replayed, the log is not: it says so, takes votes and
 * entries, and serves nothing. `late`: it starts, and the read that touches the damage fails. `crashed`: the process dies
 * at the start. `peers`: this store alone cannot know; its newest flush number is below what its peers have seen. `SILENT`:
 * something that was promised is gone and nobody says so.
 */
export type Verdict =
  | 'unharmed'
  | 'repaired'
  | 'refused'
  | 'gone'
  | 'late'
  | 'crashed'
  | 'peers'
  | 'SILENT'
  | 'absent'

export interface Outcome {
  readonly target: string
  readonly damage: string
  readonly verdict: Verdict
  readonly detail: string
}

const CHILD = new URL('./shard-child.js', import.meta.url)

interface Ended<T> {
  readonly message: T | null
  readonly ending: string
  readonly stderr: string
}

function runChild<T>(args: readonly string[]): Promise<Ended<T>> {
  const child = fork(CHILD, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
  let message: T | null = null
  let stderr = ''
  child.on('message', (value) => {
    message = value as T
  })
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4_000)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ message, ending: signal ?? `exit ${code}`, stderr }))
  })
}

const ORIGINS = ['whole', 'truncated'] as const
type Origin = (typeof ORIGINS)[number]

/** Two stores that were filled and killed, one of them with truncated logs, to be copied for each case. */
export class DiskMatrix {
  readonly #root = mkdtempSync(join(tmpdir(), 'flotilla-matrix-'))
  readonly #promised = new Map<Origin, Promised>()

  async prepare(): Promise<void> {
    for (const origin of ORIGINS) {
      const args = ['fill', this.#path(origin), this.#path(`${origin}-earlier`), origin]
      const { message, ending, stderr } = await runChild<Promised>(args)
      if (message === null || ending !== 'SIGKILL')
        throw new Error(`The store was not filled: ${ending}\n${stderr}`)
      this.#promised.set(origin, message)
    }
  }

  /** One case on a copy. `null` damages nothing. */
  async run(
    damage: DamageCase | null,
    origin: Origin = damage?.truncated ? 'truncated' : 'whole',
  ): Promise<Outcome> {
    const store: StoppedStore = { dir: this.#path('store'), earlier: this.#path(`${origin}-earlier`) }
    const promised = this.#promised.get(origin)!
    rmSync(store.dir, { recursive: true, force: true })
    cpSync(this.#path(origin), store.dir, { recursive: true })
    const { target, damage: name } = damage ?? { target: 'nothing', damage: 'none' }
    if (damage !== null && !damage.apply(store))
      return { target, damage: name, verdict: 'absent', detail: '' }
    const { message, ending, stderr } = await runChild<Found>(['check', store.dir, JSON.stringify(promised)])
    if (message === null)
      return { target, damage: name, verdict: 'crashed', detail: `${ending} ${stderr.slice(-300)}` }
    return { target, damage: name, ...judge(message, promised) }
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#root, name)
  }
}

function judge(found: Found, promised: Promised): { verdict: Verdict; detail: string } {
  const { refused, wrong, gone, late, warnings } = found
  if (refused !== null) return { verdict: 'refused', detail: `${refused.code}: ${refused.message}` }
  if (wrong.length > 0) {
    const seen = found.highestFlush < promised.highestFlush
    return { verdict: seen ? 'peers' : 'SILENT', detail: [...wrong, ...warnings].join('; ') }
  }
  if (gone.length > 0) return { verdict: 'gone', detail: [...gone, ...warnings].join('; ') }
  if (late.length > 0) return { verdict: 'late', detail: [...late, ...warnings].join('; ') }
  if (warnings.length > 0) return { verdict: 'repaired', detail: warnings.join('; ') }
  return { verdict: 'unharmed', detail: '' }
}
