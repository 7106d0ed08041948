import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jsonOf, MAIN, runCommand, shellEnv } from './command-line.ts'
import { withTempDir } from './temp-dir.ts'

/** A line of sh in which `flotilla` is the command; what it left on stderr, and its exit code. */
async function runShell(line: string, cwd: string): Promise<{ code: number; stderr: string }> {
  const script = `flotilla() { '${process.execPath}' '${MAIN}' "$@"; }; ${line}`
  const child = spawn('sh', ['-c', script], { cwd, env: shellEnv(), stdio: ['pipe', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, stderr }
}

const CHECK =
  'flotilla serve --check-config --cluster-id c --store-id s1 --data-dir d --stores s1=127.0.0.1:7201'

const BENCH =
  'flotilla bench --scenario skeleton --groups 1 --in-flight 4 --warmup 0 --seconds 0.1 2>bench-errors'

describe('output that nobody takes', () => {
  test.each(['flotilla --help', 'flotilla kv get --help', CHECK, 'flotilla kv bogus --json'])(
    '%s, its reader gone, ends without a stack trace',
    async (line) => {
      await withTempDir(async (dir) => {
        const { stderr } = await runShell(`${line} | true`, dir)
        expect(stderr).not.toMatch(/EPIPE|^\s+at /m)
      })
    },
  )

  test.skipIf(!existsSync('/dev/full'))(
    'a full disk is told in one line, and the exit code is 1',
    async () => {
      await withTempDir(async (dir) => {
        const [help, answer, json] = await Promise.all([
          runShell('flotilla --help > /dev/full', dir),
          runShell(`${CHECK} > /dev/full`, dir),
          runShell(`${CHECK} --json > /dev/full`, dir),
        ])
        expect([help.code, answer.code, json.code]).toEqual([1, 1, 1])
        expect(help.stderr).not.toMatch(/^\s+at /m)
        for (const { stderr } of [answer, json]) {
          expect(stderr).toMatch(/^flotilla serve: stdout cannot be written: ENOSPC.*\n$/)
        }
      })
    },
  )
})

describe('a bench whose report cannot be written', () => {
  test('ends with 141 when its reader is gone, and nothing is left of it', async () => {
    await withTempDir(async (dir) => {
      await mkdir(join(dir, 'tmp'))
      const line = `{ TMPDIR="$PWD/tmp" ${BENCH}; echo $? > code; } | true`
      await runShell(line, dir)
      expect(await readFile(join(dir, 'code'), 'utf8')).toBe('141\n')
      expect(await readFile(join(dir, 'bench-errors'), 'utf8')).not.toMatch(/EPIPE|^\s+at /m)
      expect(await readdir(join(dir, 'tmp'))).toEqual([])
    })
  })

  test.skipIf(!existsSync('/dev/full'))('says so in a line when the disk is full', async () => {
    await withTempDir(async (dir) => {
      const { code } = await runShell(`${BENCH} --json > /dev/full`, dir)
      expect(code).toBe(1)
      const said = await readFile(join(dir, 'bench-errors'), 'utf8')
      expect(said).toMatch(/\nflotilla bench: stdout cannot be written: ENOSPC.*\n$/)
      expect(said).not.toMatch(/^\s+at /m)
    })
  })
})

describe('words for people', () => {
  test('bad usage is told by who was called, without the control codes that were typed', async () => {
    await withTempDir(async (cwd) => {
      const red = '\u001b[31m'
      const ended = await Promise.all([
        runCommand([red], { cwd }),
        runCommand(['kv', 'get', `--${red}`, '--json'], { cwd }),
        runCommand(['kv', 'get', 'a', '--stores', `${red}:1`, '--timeout-ms', '1'], { cwd }),
      ])
      for (const { stderr } of ended) expect(stderr).not.toContain('\u001b')
      expect(ended[0].stderr).toMatch(/^flotilla: unknown command '\\u001b\[31m'\n/)
      expect(ended[1].stderr).toMatch(/^flotilla kv get: unknown option /)
      expect(jsonOf(ended[1])).toMatchObject({ error: { message: `unknown option '--${red}'` } })
    })
  })

  test('a variable that is no setting is warned of, also by commands that look for a cluster', async () => {
    await withTempDir(async (cwd) => {
      const env = { FLOTILLA_STORE: '127.0.0.1:1' }
      const args = ['kv', 'get', 'a', '--stores', '127.0.0.1:1', '--timeout-ms', '100', '--json']
      const ended = await runCommand(args, { cwd, env })
      expect(ended.stderr).toContain('warning: FLOTILLA_STORE is no setting\n')
      expect(jsonOf(ended)).toMatchObject({ error: { code: 'FLOTILLA_UNREACHABLE' } })
    })
  })
})

describe('what a value is read from, and an export written to', () => {
  test('a directory as stdin is refused: it is not an empty value', async () => {
    await withTempDir(async (dir) => {
      const ended = await Promise.all(
        ['flotilla kv put a -', 'flotilla kv import -'].map((line) =>
          runShell(`${line} --stores 127.0.0.1:1 --timeout-ms 1 < .`, dir),
        ),
      )
      expect(ended[0]).toEqual({ code: 2, stderr: 'flotilla kv put: stdin is a directory\n' })
    })
  })

  test('whoever waits for stdin says so within two seconds', async () => {
    const child = spawn(process.execPath, [MAIN, 'kv', 'put', 'a', '-', '--stores', '127.0.0.1:1'], {
      env: shellEnv(),
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    try {
      const [said] = (await once(child.stderr, 'data')) as [Buffer]
      expect(said.toString()).toMatch(/^ {2}stdin +0 B read, waiting for the end\n/)
    } finally {
      child.kill('SIGTERM')
      await once(child, 'close')
    }
  })

  test('a directory, a device or a pipe is no file to make, and stays what it is', async () => {
    await withTempDir(async (cwd) => {
      execFileSync('mkfifo', [join(cwd, 'pipe')])
      await mkdir(join(cwd, 'directory'))
      await symlink('pipe', join(cwd, 'link'))
      for (const name of ['pipe', 'link', 'directory']) {
        const ended = await runCommand(['kv', 'export', name, '--stores', '127.0.0.1:1'], { cwd })
        expect([name, ended.code]).toEqual([name, 2])
        expect(ended.stderr).toMatch(/is no file: "-" writes to stdout|is a directory/)
      }
      expect(lstatSync(join(cwd, 'pipe')).isFIFO()).toBe(true)
      expect((await readdir(cwd)).sort()).toEqual(['directory', 'link', 'pipe'])
    })
  })
})

test('a settings file may begin with a byte order mark', async () => {
  await withTempDir(async (cwd) => {
    await writeFile(join(cwd, 'flotilla.json'), '\ufeff{"clusterId":"marked"}')
    const ended = await runCommand([...CHECK.split(' ').slice(1), '--json'], { cwd })
    expect(ended.code).toBe(0)
    await writeFile(join(cwd, 'flotilla.json'), '\ufeff{"clusterId":"marked"')
    expect((await runCommand(['serve', '--check-config'], { cwd })).code).toBe(2)
  })
})
