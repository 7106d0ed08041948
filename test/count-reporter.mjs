/**
 * Tells the parent process (test/run.mjs) what vitest has seen: after every file, so that a crash half-way does not lose
 * the count, and once more at the end.
 */
export default class CountReporter {
  #ended = new Map()

  onTestModuleEnd(testModule) {
    this.#ended.set(testModule.id + testModule.project.name, testModule)
    this.#send([...this.#ended.values()], [], false)
  }

  onTestRunEnd(testModules, unhandledErrors) {
    this.#send(testModules, unhandledErrors, true)
  }

  #send(testModules, unhandledErrors, complete) {
    const counts = {
      passed: 0,
      failed: unhandledErrors.length,
      skipped: 0,
      files: testModules.length,
      complete,
    }
    for (const testModule of testModules) count(testModule, counts)
    process.send?.(counts)
  }
}

/** A file that did not load, and a hook that failed, have no test to their name: each counts as a failure of its own. */
function count(testModule, counts) {
  const errorsOf = (part) => part.errors().length
  let failed = errorsOf(testModule)
  for (const suite of testModule.children.allSuites()) failed += errorsOf(suite)
  for (const test of testModule.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') counts.passed++
    else if (state === 'skipped') counts.skipped++
    else failed++ // Failed, or pending: begun and never ended.
  }
  // vitest calls the file failed for a reason that no test or hook names.
  if (failed === 0 && testModule.state() === 'failed') failed = 1
  counts.failed += failed
}
