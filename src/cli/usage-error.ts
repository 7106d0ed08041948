/** The command was asked for something that cannot be: it ends with 2, and the message says what is wanted. */
export class UsageError extends Error {
  override name = 'UsageError'
}
