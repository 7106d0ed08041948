import { assert } from '../util/assert.ts'
import { hash32 } from '../util/hash.ts'

export type MemberRole = 'voter' | 'learner' | 'witness'

/**
 * One replica of a group. `replica` comes from a counter in the configuration and is never used again in that group;
 * with `storeId` it is the peer's identity (PeerId). Priority is an attribute, no part of the identity: 0 never stands
 * for election by itself, the highest stands first.
 */
export interface Member {
  readonly storeId: string
  readonly replica: number
  readonly role: MemberRole
  readonly priority: number
}

/** The members of a group at one time. Immutable. */
export class Configuration {
  readonly members: readonly Member[]
  /** The next replica number to give out. */
  readonly nextReplica: number
  readonly voters: readonly Member[]

  constructor(members: readonly Member[], nextReplica: number) {
    this.members = members
    this.nextReplica = nextReplica
    this.voters = members.filter((member) => member.role === 'voter')
    const seen = new Set<number>()
    for (const member of members) {
      assert(member.replica > 0 && member.replica < nextReplica, 'replica numbers lie below the counter')
      assert(!seen.has(member.replica), 'replica numbers are unique')
      seen.add(member.replica)
    }
  }

  member(replica: number): Member | null {
    for (const member of this.members) if (member.replica === replica) return member
    return null
  }

  isVoter(replica: number): boolean {
    return this.member(replica)?.role === 'voter'
  }

  memberOf(storeId: string): Member | null {
    for (const member of this.members) if (member.storeId === storeId) return member
    return null
  }

  get maxPriority(): number {
    let max = 0
    for (const voter of this.voters) if (voter.priority > max) max = voter.priority
    return max
  }
}

/** A configuration and, while a change is under way, the one before it: both majorities decide then (paper, section 6). */
export class ConfigurationEntry {
  readonly conf: Configuration
  readonly oldConf: Configuration | null

  constructor(conf: Configuration, oldConf: Configuration | null = null) {
    this.conf = conf
    this.oldConf = oldConf
  }

  get isJoint(): boolean {
    return this.oldConf !== null
  }

  member(replica: number): Member | null {
    return this.conf.member(replica) ?? this.oldConf?.member(replica) ?? null
  }

  isVoter(replica: number): boolean {
    return this.conf.isVoter(replica) || (this.oldConf?.isVoter(replica) ?? false)
  }

  /** Members of both halves, each once. */
  listMembers(): Member[] {
    const all = [...this.conf.members]
    if (this.oldConf !== null) {
      for (const member of this.oldConf.members) {
        if (this.conf.member(member.replica) === null) all.push(member)
      }
    }
    return all
  }
}

/** The hash by which replicas compare the first configuration they were given. Over its encoded bytes. */
export function configurationHash(encoded: Buffer): number {
  return hash32(encoded.toString('latin1'))
}
