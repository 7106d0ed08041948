import type { z } from 'zod'
import { KV_SCHEMA, type OptionForm, type OptionMeta, STORE_SCHEMA } from './option-schema.ts'

/** One option of a store, under its three names. */
export interface StoreOptionRow {
  /** In code and in a file: 'dataDir', 'kv.splitKeys'. */
  readonly name: string
  /** '--data-dir'; '' for what only code can give. */
  readonly flag: string
  /** 'FLOTILLA_DATA_DIR'; '' for what only code can give. */
  readonly variable: string
  readonly form: OptionForm
  /** One sentence without its full stop. */
  readonly description: string
  /** 'ms' and the like, or ''. */
  readonly unit: string
  /** In words; null when the option must be given. */
  readonly defaultText: string | null
}

/** Every option of `Store.open`, in the order of the schema. The help of `serve` and the docs are made from it. */
export const STORE_OPTION_TABLE: readonly StoreOptionRow[] = Object.entries(STORE_SCHEMA.shape).flatMap(
  ([name, type]) => [
    rowOf(name, type),
    ...(name === 'kv' ? Object.entries(KV_SCHEMA.shape).map(([key, part]) => rowOf(`kv.${key}`, part)) : []),
  ],
)

function rowOf(name: string, type: z.ZodType): StoreOptionRow {
  const { form, description, unit, defaultText } = type.meta() as unknown as OptionMeta
  const words = name.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const byDefault = type.safeParse(undefined)
  return {
    name,
    flag: form === 'code' ? '' : `--${words}`,
    variable: form === 'code' ? '' : `FLOTILLA_${words.replaceAll('-', '_').toUpperCase()}`,
    form,
    description,
    unit: unit ?? '',
    defaultText: byDefault.success ? (defaultText ?? String(byDefault.data)) : null,
  }
}
