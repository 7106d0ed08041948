import { defineConfig } from 'vitest/config'

/** What the compiler emitted runs as it is, by Node itself: tests see the very code that ships, worker threads included. */
const shared = {
  pool: 'forks',
  execArgv: ['--enable-source-maps'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  server: { deps: { external: [/\/dist\/(src|bench)\//] } },
}

const STARTS_PROCESSES = ['dist/test/process/**/*.test.js', 'dist/test/docs/walk.test.js']

export default defineConfig({
  test: {
    // The reference machine has two cores; a third worker only makes the others late.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['dist/test/**/*.test.js'],
          exclude: STARTS_PROCESSES,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Each of these starts whole stores as processes of their own: after the others, one file at a time.
        test: {
          ...shared,
          name: 'process',
          include: STARTS_PROCESSES,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
