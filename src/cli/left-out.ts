import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../util/limits.ts'
import { formatBytes, formatCount, printable } from './format.ts'

export type LeftOutReason = 'tooLarge' | 'pathTooLong' | 'unreadable' | 'notAFile' | 'pastMaxBytes'

const WORDS: Readonly<Record<LeftOutReason, string>> = {
  tooLarge: `over the value limit of ${formatBytes(MAX_VALUE_BYTES)}`,
  pathTooLong: `whose path is over the key limit of ${formatBytes(MAX_KEY_BYTES)}`,
  unreadable: 'that cannot be read',
  notAFile: 'symbolic links or special files',
  pastMaxBytes: 'past --max-bytes',
}

/** Names kept of each reason; the rest is only counted. */
const MAX_NAMES = 5
/** Of longer names only the end is kept. */
const MAX_NAME_LENGTH = 200
/** Of those kept so many are shown to people, this long at most, so that a line stays one. */
const SHOWN_NAMES = 2
const SHOWN_NAME_LENGTH = 40

export interface LeftOutGroup {
  readonly reason: LeftOutReason
  readonly count: number
  readonly names: readonly string[]
}

/** What of a tree was not imported, and why: counted all, named a few. */
export class LeftOut {
  readonly #groups = new Map<LeftOutReason, { count: number; names: string[] }>()

  add(reason: LeftOutReason, name: string): void {
    const group = this.#groups.get(reason) ?? { count: 0, names: [] }
    this.#groups.set(reason, group)
    group.count++
    if (group.names.length < MAX_NAMES) group.names.push(shorten(name, MAX_NAME_LENGTH))
  }

  get count(): number {
    return this.groups().reduce((sum, group) => sum + group.count, 0)
  }

  groups(): LeftOutGroup[] {
    return [...this.#groups].map(([reason, group]) => ({ reason, ...group }))
  }

  /** One line for each reason. */
  lines(): string[] {
    return this.groups().map(({ reason, count, names }) => {
      const shown = names.slice(0, SHOWN_NAMES).map((name) => printable(shorten(name, SHOWN_NAME_LENGTH)))
      const more = count > shown.length ? ', …' : ''
      return `${formatCount(count)} ${WORDS[reason]}: ${shown.join(', ')}${more}`
    })
  }
}

function shorten(name: string, length: number): string {
  return name.length <= length ? name : `…${name.slice(1 - length)}`
}
