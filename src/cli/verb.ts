import type { Option } from 'commander'
import type { Output } from './output.ts'

/** What a verb is given when it runs. */
export interface VerbContext<F = object> {
  /** As the verb's `usage` names them: absent optional ones are missing at the end, variadic ones are spread. */
  readonly args: readonly string[]
  readonly flags: F
  readonly json: boolean
  /** Aborts with an `Interrupted` on Ctrl-C and its like. */
  readonly signal: AbortSignal
  readonly output: Output
  readonly env: NodeJS.ProcessEnv
  /** Relative paths on the command line begin here. */
  readonly cwd: string
}

/** One command: what the shell sees of it, and what it does. */
export interface Verb<F = object> {
  /** Name and arguments: 'put <key> [value]'. */
  readonly usage: string
  /** For the list of commands: no capital, no full stop. */
  readonly summary: string
  /** Paragraphs. */
  readonly description: readonly string[]
  /** Beside `--json`, which every verb has. */
  options(): readonly Option[] | Promise<readonly Option[]>
  /** What `--json` prints, for its line in the help. */
  readonly jsonHelp: string
  /** Command lines that work when pasted, the first one the plainest: a test runs each. */
  readonly examples: readonly string[]
  /**
   * Resolves with the exit code (default 0). What it throws is reported: a UsageError ends with 2, else it is 1. Once
   * `signal` is aborted the Interrupted is the reason, whatever is thrown. What only this verb needs (a client, a store, the
   * simulator) is imported when it runs: every verb's file is loaded whichever is called.
   */
  run(context: VerbContext<F>): Promise<number | undefined>
}

/** A word that verbs follow: `kv` in `flotilla kv put`. */
export interface Noun {
  readonly name: string
  readonly summary: string
  readonly verbs: readonly Verb[]
}

/** A verb with flags of its own; where verbs are listed, they are not told apart by them. */
export function defineVerb<F extends object>(verb: Verb<F>): Verb {
  return verb as Verb
}
