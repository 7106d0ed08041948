import { FlotillaError } from '../util/errors.ts'
import { MAX_CALLS_IN_FLIGHT } from '../util/limits.ts'
import { type Call, type Reply, replyOf, replyOfError } from './call-table.ts'

/** Calls of the other side that are being served: bounded, each answered once. */
export class ServedCalls {
  private running = 0

  serve(
    call: Call,
    answer: (method: string, body: Buffer) => Promise<Buffer>,
    reply: (reply: Reply) => void,
  ): void {
    const { requestId, method, body } = call
    if (this.running >= MAX_CALLS_IN_FLIGHT) {
      reply(replyOfError(requestId, new FlotillaError('BUSY', 'too many calls are being served')))
      return
    }
    this.running++
    const settle = (settled: Reply) => {
      this.running--
      reply(settled)
    }
    // One that throws instead of rejecting is answered like one that rejects.
    const answering = async () => await answer(method, body)
    answering().then(
      (bytes) => settle(replyOf(requestId, bytes)),
      (error: unknown) => settle(replyOfError(requestId, error)),
    )
  }
}
