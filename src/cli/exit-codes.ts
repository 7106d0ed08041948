/** What a shell is told, the same for every command. */
export const EXIT_DONE = 0
export const EXIT_FAILED = 1
export const EXIT_BAD_USAGE = 2
/** A command that a signal ended: 128 and the signal's number, as shells count. */
export const EXIT_SIGNAL_BASE = 128
