import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Operation } from '../../src/sim/history-model.ts'
import type { KvInput, KvOutput, RegisterInput, RegisterOutput } from '../../src/sim/models.ts'

/** Where the histories lie beside this checkout, or null. They are not ours to copy. */
export function findPorcupine(): string | null {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const candidate = join(at, 'shared', 'peerdata', 'porcupine')
    if (existsSync(candidate)) return candidate
  }
  return null
}

export function filesOf(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name))
}

interface Draft<I, O> {
  readonly input: I
  output: O | undefined
  readonly calledAt: number
  returnedAt: number
}

/** A register of etcd under Jepsen. A read that timed out says nothing; a write or swap that did may have happened. */
export function parseJepsen(file: string): Operation<RegisterInput, RegisterOutput>[] {
  const done: Operation<RegisterInput, RegisterOutput>[] = []
  const open = new Map<string, Draft<RegisterInput, RegisterOutput>>()
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      const match = /jepsen\.util - (\S+)\s+:(\w+)\s+:(\w+)\s+(.*)$/.exec(line)
      if (match === null) return
      const [, process, type, f, text] = match as unknown as [string, string, string, string, string]
      if (type === 'invoke') {
        open.set(process, { input: inputOf(f, text), output: undefined, calledAt: at, returnedAt: Infinity })
        return
      }
      const draft = open.get(process)
      if (draft === undefined) throw new Error(`${file}: ${line} has no invocation`)
      open.delete(process)
      if (type !== 'info') {
        if (text === ':timed-out') return
        draft.output = outputOf(f, type, text)
        draft.returnedAt = at
      }
      done.push(draft)
    })
  for (const draft of open.values()) if (draft.input.f !== 'read') done.push(draft)
  return done
}

function inputOf(f: string, text: string): RegisterInput {
  if (f === 'read') return { f }
  if (f === 'write') return { f, value: Number(text) }
  const [, from, to] = /\[(\d+) (\d+)\]/.exec(text)!
  return { f: 'cas', from: Number(from), to: Number(to) }
}

function outputOf(f: string, type: string, text: string): RegisterOutput {
  if (f === 'read') return { value: text === 'nil' ? null : Number(text) }
  return f === 'cas' ? { swapped: type === 'ok' } : {}
}

/** Gets of keys that nobody wrote answer an empty text. */
export function parseKv(file: string): Operation<KvInput, KvOutput>[] {
  const done: Operation<KvInput, KvOutput>[] = []
  const open = new Map<string, Draft<KvInput, KvOutput>>()
  const form = /:process (\d+), :type :(\w+), :f :(get|put|append), :key "([^"]*)", :value (?:nil|"([^"]*)")/
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      const match = form.exec(line)
      if (match === null) return
      const [, process, type, f, key, value = ''] = match as unknown as [
        string,
        string,
        string,
        'get' | 'put' | 'append',
        string,
        string?,
      ]
      if (type === 'invoke') {
        const input: KvInput = f === 'get' ? { f, key } : { f, key, value }
        open.set(process, { input, output: undefined, calledAt: at, returnedAt: Infinity })
        return
      }
      const draft = open.get(process)!
      open.delete(process)
      draft.output = f !== 'get' || value === '' ? null : value
      draft.returnedAt = at
      done.push(draft)
    })
  if (open.size > 0) throw new Error(`${file}: ${open.size} operations without an end`)
  return done
}
