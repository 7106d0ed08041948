import type { Model } from './history-model.ts'

/** A register that is read, written, and swapped when it holds what the caller expects. Null: never written. */
export type RegisterInput =
  | { readonly f: 'read' }
  | { readonly f: 'write'; readonly value: number }
  | { readonly f: 'cas'; readonly from: number; readonly to: number }

/** Of a read its value, of a swap whether it happened, of a write nothing. */
export interface RegisterOutput {
  readonly value?: number | null
  readonly swapped?: boolean
}

export const registerModel: Readonly<Model<RegisterInput, RegisterOutput, number | null>> = {
  initial: null,
  isRead: (input, output) => input.f === 'read' || output.swapped === false,
  apply(state, input, output) {
    if (input.f === 'write') return input.value
    if (input.f === 'read') return output === undefined || output.value === state ? state : undefined
    const swaps = state === input.from
    if (output !== undefined && output.swapped !== swaps) return undefined
    return swaps ? input.to : state
  },
}

/** One key of a key-value store. Null: absent. */
export type KvInput =
  | { readonly f: 'get'; readonly key: string }
  | { readonly f: 'put'; readonly key: string; readonly value: string }
  | { readonly f: 'append'; readonly key: string; readonly value: string }
  | { readonly f: 'del'; readonly key: string }

/** Of a get its value, null for an absent key; null of everything else. */
export type KvOutput = string | null

/** Each key alone. An append to an absent key begins with ''. */
export const kvModel: Readonly<Model<KvInput, KvOutput, string | null>> = {
  initial: null,
  isRead: (input) => input.f === 'get',
  partition: ({ key }) => key,
  apply(state, input, output) {
    if (input.f === 'put') return input.value
    if (input.f === 'append') return (state ?? '') + input.value
    if (input.f === 'del') return null
    return output === undefined || output === state ? state : undefined
  },
}

/** A sum: it is added to, which answers the new sum, and read. */
export interface CounterInput {
  readonly groupId: string
  /** 0 reads. */
  readonly add: number
}

export const counterModel: Readonly<Model<CounterInput, number, number>> = {
  initial: 0,
  isRead: (input) => input.add === 0,
  partition: ({ groupId }) => groupId,
  apply(state, input, output) {
    const sum = state + input.add
    return output === undefined || output === sum ? sum : undefined
  },
}
