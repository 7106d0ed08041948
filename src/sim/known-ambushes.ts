import type { Ambush } from './ambush.ts'

/**
 * Leaders that send much are cut off, so that nobody but they has what comes next; and when it is taken from their logs
 * again, the disk stands still before the end of the process.
 */
export const CUTS: readonly Ambush[] = [
  {
    mark: 'append/many-blocks',
    chance: 0.2,
    restMs: 600,
    strikes: [{ who: 'self', what: 'cut-off', after: 0, for: 4 }],
  },
  {
    mark: 'cut/suffix',
    chance: 0.7,
    restMs: 0,
    strikes: [{ who: 'self', what: 'gasp', after: 0, for: 0.5 }],
  },
]

/** A candidate leads a moment later, if nobody else does: strikes that follow meet it in office. */
export const DEPOSALS: readonly Ambush[] = [
  // Cut off for so long that the others elect somebody, who fails, and then another.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [
      { who: 'self', what: 'cut-off', after: 0.8, for: 6 },
      { who: 'heir', what: 'kill', after: 3, for: 0.2 },
    ],
  },
  // Cut off for less time than callers wait.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [{ who: 'self', what: 'cut-off', after: 0.8, for: 2.5 }],
  },
  // Cut off, and asleep while the others elect somebody: when it wakes it has callers, and is patient with its followers.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [
      { who: 'self', what: 'cut-off', after: 0.8, for: 4 },
      { who: 'self', what: 'pause', after: 0.85, for: 2.5 },
    ],
  },
  // The same, together with another one that goes on answering it.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [
      { who: 'self', what: 'pair-off', after: 0.8, for: 5 },
      { who: 'self', what: 'pause', after: 0.85, for: 1.9 },
    ],
  },
  // Asleep for longer.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [
      { who: 'self', what: 'pair-off', after: 0.8, for: 4 },
      { who: 'self', what: 'pause', after: 0.85, for: 2.5 },
    ],
  },
  // Dead, and its heirs write their own votes so slowly that they stand again before.
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 800,
    strikes: [
      { who: 'self', what: 'kill', after: 0.8, for: 4 },
      { who: 'rest', what: 'drag', after: 1.6, for: 2 },
    ],
  },
]

/**
 * A leader is cut off with much that nobody else has, and all die. Nobody knows then what was committed, and who had led is
 * told it together with what cuts its log: its machines are given nothing before, and all of it at once.
 */
export const FALLS: readonly Ambush[] = [
  {
    mark: 'candidacy',
    chance: 0.6,
    restMs: 600,
    strikes: [
      { who: 'self', what: 'cut-off', after: 0.8, for: 1 },
      { who: 'rest', what: 'kill', after: 1.7, for: 0.1 },
      { who: 'self', what: 'kill', after: 1.7, for: 0.3 },
    ],
  },
]

/** One that has no state has more of the log than whoever is left: it leads until others have what it has. */
export const STATELESS_HEIRS: readonly Ambush[] = [
  {
    mark: 'start/state-lost',
    chance: 1,
    restMs: 500,
    strikes: [
      { who: 'other', what: 'cut-off', after: 1, for: 3.5 },
      { who: 'heir', what: 'kill', after: 4, for: 15 },
    ],
  },
]

/** A voter does not hear its leader any more, and before it stands all others start again: they heard it a moment ago. */
export const ESTRANGED: readonly Ambush[] = [0.6, 0.75, 0.9].map((after) => ({
  mark: 'vote/granted',
  chance: 0.15,
  restMs: 1_500,
  strikes: [
    { who: 'self', what: 'estrange', after: 0.2, for: 3 },
    { who: 'rest', what: 'kill', after: after + 0.2, for: 0.01 },
  ],
}))

/** Lives that are over as soon as their store has asked its first questions, whose answers are on their way. */
export const SHORT_LIVES: readonly Ambush[] = [0.2, 0.3, 0.5].map((after) => ({
  mark: 'start/in-time',
  chance: 0.35,
  restMs: 0,
  strikes: [
    { who: 'rest', what: 'reset', after: after - 0.1, for: 0 },
    { who: 'self', what: 'kill', after, for: 0.01 },
  ],
}))

/** Much is on its way to slow disks when the connection breaks: a late answer to a part of it has the rest sent again. */
export const RESENT: readonly Ambush[] = [
  {
    mark: 'append/many-blocks',
    chance: 1,
    restMs: 400,
    strikes: [
      { who: 'rest', what: 'drag', after: 0, for: 0.8 },
      { who: 'self', what: 'reset', after: 0.03, for: 0 },
      { who: 'self', what: 'reset', after: 0.08, for: 0 },
    ],
  },
]

/** The disk of a leader stands still while those of others go on: what is committed stays in its memory. */
export const STILL_LEADERS: readonly Ambush[] = [
  {
    mark: 'commit/ahead-of-own-disk',
    chance: 1,
    restMs: 400,
    strikes: [{ who: 'self', what: 'stall', after: 0, for: 0.8 }],
  },
]

/** Leaders die while much of what they have said is still in their sockets. */
export const HALF_SAID: readonly Ambush[] = [
  {
    mark: 'append/many-blocks',
    chance: 0.3,
    restMs: 1_200,
    strikes: [{ who: 'self', what: 'kill', after: 0, for: 0.2 }],
  },
]

/** All of them: each needs an order of strikes that chance does not find. `restMs` is that of runs in fast motion. */
export const KNOWN_AMBUSHES: readonly Ambush[] = [
  ...CUTS,
  ...DEPOSALS,
  ...FALLS,
  ...STATELESS_HEIRS,
  ...ESTRANGED,
  ...SHORT_LIVES,
  ...RESENT,
  ...STILL_LEADERS,
  ...HALF_SAID,
]
