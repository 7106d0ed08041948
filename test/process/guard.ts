/** What must happen at all: so long that no slow machine is taken for a hang. */
export const HANG_MS = 100_000

/** Rejects when `promise` is not settled in `ms`, naming what was waited for. */
export async function within<T>(promise: Promise<T>, what: string, ms: number = HANG_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when `isSo` says so. It is asked again and again. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + HANG_MS
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${HANG_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
