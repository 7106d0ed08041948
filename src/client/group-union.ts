import type { FlotillaError } from '../util/errors.ts'
import type { GroupSummary, ReplicaSummary } from './admin-reports.ts'
import type { GroupDescription, MemberDescription } from './group-description.ts'

/** What the replicas of one group say, put together. */
export class GroupUnion {
  readonly groupId: string
  readonly #views: GroupDescription[] = []

  constructor(groupId: string) {
    this.groupId = groupId
  }

  add(view: GroupDescription): void {
    this.#views.push(view)
  }

  /** `silent`: stores that did not answer, and why. */
  summary(silent: ReadonlyMap<string, FlotillaError>): GroupSummary {
    const newest = this.#newest()
    const { members } = newest
    const strangers = this.#views.filter((view) => !members.some(({ storeId }) => storeId === view.storeId))
    return {
      groupId: this.groupId,
      type: newest.type,
      leader: this.#leader(),
      term: Math.max(...this.#views.map((view) => view.term)),
      members,
      replicas: [
        ...members.map((member) => this.#member(member, silent.get(member.storeId) ?? null)),
        ...strangers.map((view) => ({ ...summaryOf(view), replica: 0 })),
      ],
    }
  }

  /** Who knows of the newest configuration: the one that has got furthest. */
  #newest(): GroupDescription {
    return this.#views.reduce((best, view) => (isNewer(view, best) ? view : best))
  }

  /** Who says that it leads counts before what others have heard, and the higher term before the lower. */
  #leader(): string {
    let best: GroupDescription | null = null
    for (const view of this.#views) {
      if (view.leader === '') continue
      const says = view.state === 'leader' ? 1 : 0
      const known = best?.state === 'leader' ? 1 : 0
      if (best === null || view.term > best.term || (view.term === best.term && says > known)) best = view
    }
    return best?.leader ?? ''
  }

  #member(member: MemberDescription, silence: FlotillaError | null): ReplicaSummary {
    const { storeId, replica } = member
    const view = this.#views.find((one) => one.storeId === storeId)
    if (view !== undefined) return summaryOf(view)
    const state = silence === null ? 'missing' : 'unreachable'
    return { storeId, replica, state, term: 0, commitIndex: 0, appliedIndex: 0, lastIndex: 0, error: silence }
  }
}

function isNewer(view: GroupDescription, best: GroupDescription): boolean {
  return view.term > best.term || (view.term === best.term && view.commitIndex > best.commitIndex)
}

function summaryOf(view: GroupDescription): ReplicaSummary {
  const { storeId, replica, state, term, commitIndex, appliedIndex, lastIndex, error } = view
  return { storeId, replica, state, term, commitIndex, appliedIndex, lastIndex, error }
}
