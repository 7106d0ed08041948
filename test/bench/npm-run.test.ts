import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { withTempDir } from './run-bench.ts'

/** Of the checkout; compiled tests lie three levels below it. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

describe('npm run bench', () => {
  test.skipIf(!existsSync(`${ROOT}setup.mjs`))(
    '-- --json is parsed by a program as it comes',
    { timeout: 180_000 },
    async () => {
      await withTempDir(async (tmp) => {
        const flags = '--json --scenario skeleton,kv-put --groups 3 --in-flight 6 --seconds 0.5 --warmup 0'
        const script =
          'const report = JSON.parse(require("fs").readFileSync(0, "utf8")); console.log(report.runs.length)'
        const line = `npm run -s bench -- ${flags} | "${process.execPath}" -e '${script}'`
        const env = { ...process.env, TMPDIR: tmp }
        const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd: ROOT, env })
        expect(stdout).toBe('2\n')
      })
    },
  )
})
