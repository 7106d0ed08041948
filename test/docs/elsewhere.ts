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

/** Whether another test runs the command, or one that begins so. */
export function isRunElsewhere(line: string): boolean {
  const command = line.replace(/^npm run -s /, 'npm run ')
  return RUN_ELSEWHERE.some((entry) => command === entry.command || command.startsWith(`${entry.command} `))
}

/**
 * The test that runs all programs and commands of a page by itself, as the page says in a comment: `<!-- run by TEST -->`. Null
 * for a page that is walked through.
 */
export function ownTestOf(page: string): string | null {
  return /^<!-- run by (\S+) -->$/m.exec(page)?.[1] ?? null
}
