import {
  APPEND_BUSY,
  APPEND_MISMATCH,
  APPEND_OLD_TERM,
  type AppendRequest,
  type AppendResponse,
  READ_BUSY,
  READ_NOT_LEADER,
  VOTE_GRANTED,
  VOTE_REFUSED_LEASE,
  VOTE_REFUSED_LOG,
  VOTE_REFUSED_NOT_VOTING,
  VOTE_REFUSED_TERM,
  VOTE_REFUSED_VOTED,
  type VoteResponse,
} from '../raft/messages.ts'
import type { ForwardResponse, GroupAddress, PeerLink } from '../rpc/messages.ts'
import type { StoreHost } from '../store/store-host.ts'
import type { Mark } from './mark-table.ts'
import type { Marks } from './marks.ts'

const VOTES: Readonly<Record<number, Mark>> = {
  [VOTE_GRANTED]: 'vote/granted',
  [VOTE_REFUSED_TERM]: 'vote/older-term',
  [VOTE_REFUSED_LOG]: 'vote/older-log',
  [VOTE_REFUSED_LEASE]: 'vote/lease',
  [VOTE_REFUSED_VOTED]: 'vote/voted',
  [VOTE_REFUSED_NOT_VOTING]: 'vote/just-started',
}

const PRE_VOTES: Readonly<Record<number, Mark>> = {
  [VOTE_GRANTED]: 'pre-vote/granted',
  [VOTE_REFUSED_TERM]: 'pre-vote/older-term',
  [VOTE_REFUSED_LOG]: 'pre-vote/older-log',
  [VOTE_REFUSED_LEASE]: 'pre-vote/lease',
  [VOTE_REFUSED_NOT_VOTING]: 'pre-vote/just-started',
}

const REFUSED_FORWARDS: Readonly<Record<string, Mark>> = {
  NOT_LEADER: 'forward/not-leader',
  BUSY: 'forward/busy',
  LEADERSHIP_LOST: 'forward/lost-leadership',
}

/** Looks at every message of a store as it is given to its link. Before anybody else has asked for a link. */
export function markMessages(marks: Marks, { multiplexer }: StoreHost): void {
  const link = multiplexer.link.bind(multiplexer)
  const heard = new Set<PeerLink>()
  const listening = (storeId: string): ReturnType<typeof link> => {
    const found = link(storeId)
    if (!heard.has(found)) listen(marks, found)
    heard.add(found)
    return found
  }
  Object.defineProperty(multiplexer, 'link', { value: listening, configurable: true })
}

function listen(marks: Marks, link: PeerLink): void {
  before(link, 'sendVoteRequest', (_to, message) => {
    if (!message.preVote) marks.reach('candidacy')
  })
  before(link, 'sendVoteResponse', (_to, message) => onVote(marks, message))
  before(link, 'sendAppendRequest', (_to, message) => onAppend(marks, message))
  before(link, 'sendAppendResponse', (_to, message) => onAppendAnswer(marks, message))
  before(link, 'sendReadIndexResponse', (_to, { answer }) => {
    if (answer === READ_NOT_LEADER) marks.reach('read/no-leader')
    else if (answer === READ_BUSY) marks.reach('read/busy')
  })
  before(link, 'sendForwardRequest', () => marks.reach('forward/asked'))
  before(link, 'sendForwardResponse', (message) => onForwardAnswer(marks, message))
  watchWindow(marks, link)
}

/** What a link does with an append is known once it has answered. */
function watchWindow(marks: Marks, link: PeerLink): void {
  const { sendAppendRequest } = link
  const value = (to: GroupAddress, message: AppendRequest): boolean => {
    const sent = sendAppendRequest.call(link, to, message)
    if (!sent && message.blocks.length > 0 && link.connected) marks.reach('window/pair-full')
    return sent
  }
  Object.defineProperty(link, 'sendAppendRequest', { value, configurable: true })
}

type Send = 'sendVoteRequest' | 'sendVoteResponse' | 'sendAppendRequest' | 'sendAppendResponse'
type AnySend = Send | 'sendReadIndexResponse' | 'sendForwardRequest' | 'sendForwardResponse'

function before<S extends AnySend>(
  link: PeerLink,
  name: S,
  look: (...args: Parameters<PeerLink[S]>) => void,
): void {
  const send = link[name] as (...args: Parameters<PeerLink[S]>) => boolean
  const value = (...args: Parameters<PeerLink[S]>): boolean => {
    look(...args)
    return send.apply(link, args)
  }
  Object.defineProperty(link, name, { value, configurable: true })
}

function onVote(marks: Marks, { preVote, answer }: VoteResponse): void {
  const mark = (preVote ? PRE_VOTES : VOTES)[answer]
  if (mark !== undefined) marks.reach(mark)
}

function onAppend(marks: Marks, { blocks }: AppendRequest): void {
  if (blocks.length === 0) marks.reach('append/probe')
  if (blocks.length < 2) return
  marks.reach('append/many-blocks')
  if (blocks[0]!.term !== blocks.at(-1)!.term) marks.reach('append/two-terms')
}

function onAppendAnswer(marks: Marks, { answer, hintTerm }: AppendResponse): void {
  if (answer === APPEND_BUSY) marks.reach('append/busy')
  else if (answer === APPEND_OLD_TERM) marks.reach('append/older-term')
  else if (answer === APPEND_MISMATCH)
    marks.reach(hintTerm === 0 ? 'append/mismatch-shorter' : 'append/mismatch-term')
}

function onForwardAnswer(marks: Marks, { error, unknownOutcome, from }: ForwardResponse): void {
  const mark = REFUSED_FORWARDS[error]
  if (mark !== undefined) marks.reach(mark)
  if (error !== '' && unknownOutcome) marks.reach('forward/unknown')
  if (from > 0) marks.reach('forward/in-parts')
}
