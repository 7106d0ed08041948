import type { Mutant, WaitingMutant } from './mutant.ts'
import { RAFT_MUTANTS } from './raft-mutants.ts'
import { STORAGE_MUTANTS } from './storage-mutants.ts'
import { WIRE_MUTANTS } from './wire-mutants.ts'

export const MUTANTS: readonly Mutant[] = [...RAFT_MUTANTS, ...STORAGE_MUTANTS, ...WIRE_MUTANTS]

export const WAITING_MUTANTS: readonly WaitingMutant[] = [
  { name: 'wrong-joint-quorum', waitsFor: 'changes of membership' },
  { name: 'learner-counted-as-voter', waitsFor: 'changes of membership' },
]
