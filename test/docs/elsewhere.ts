/**
 * Commands of README and docs that the walk through the pages does not run, and the test that does. Each must stand in some
 * page, else its entry has to go.
 */
export interface RunElsewhere {
  /** The command with all its flags, or its beginning. */
  readonly command: string
  /** What runs it instead. */
  readonly test: string
}

export const RUN_ELSEWHERE: readonly RunElsewhere[] = [
  // Takes a minute with its default set; its summary and its every step are looked at there.
  { command: 'npm start', test: 'test/process/demo.test.ts' },
  // It is what runs this.
  { command: 'npm test', test: 'test/docs/walk.test.ts' },
  // Minutes. The matrix itself, and that the page shows what it found, is tested there.
  { command: 'npm run disk-matrix', test: 'test/disk-matrix/matrix.test.ts' },
  { command: 'npm run bench', test: 'test/bench/npm-run.test.ts' },
  // They are what they say: of the compiler and the linter.
  { command: 'npm run build', test: 'test/package/package.test.ts' },
  { command: 'npm run lint', test: 'test/tidy/lint.test.ts' },
]

/** Pages whose programs and commands are run as a whole by a test of their own. An entry has to go when both are gone. */
export const PAGES_RUN_ELSEWHERE: readonly { readonly page: string; readonly test: string }[] = [
  // Every command of it, for a moment each.
  { page: 'docs/performance.md', test: 'test/bench/performance-doc.test.ts' },
  // One example in pieces, which need each other; the command line plays many seeds.
  { page: 'docs/simulation.md', test: 'test/sim/simulate.test.ts' },
]

export function isRunElsewhere(page: string): boolean {
  return PAGES_RUN_ELSEWHERE.some((entry) => entry.page === page)
}
