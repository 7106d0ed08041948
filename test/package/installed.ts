import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** From dist/test/package, where this runs. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface PackedFile {
  readonly path: string
  readonly size: number
}

/** An empty project with this package, as `npm publish` would publish it, installed in it. */
export interface Installed extends AsyncDisposable {
  readonly dir: string
  /** Where the package lies. */
  readonly packageDir: string
  readonly files: readonly PackedFile[]
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export async function run(file: string, args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

/** The npm that runs us, else the one of this Node's installation, else the one on the PATH. */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  // Said in full: npm_config_* of an npm around us would decide otherwise.
  const flags = ['--global=false', '--dry-run=false', '--loglevel=error', '--ignore-scripts']
  const own = process.env.npm_execpath
  const isNpm = own !== undefined && /^npm(-cli)?\.c?js$/.test(path.basename(own))
  const [file, before] = isNpm ? [process.execPath, [own]] : ['npm', []]
  const { code, stdout, stderr } = await run(file, [...before, ...args, ...flags], cwd)
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}:\n${stderr}`)
  return stdout
}

export async function packAndInstall(): Promise<Installed> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'flotilla-package-'))
  const dispose = () => rm(scratch, { recursive: true, force: true })
  try {
    const packed = await npm(['pack', '--json', '--pack-destination', scratch], ROOT)
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: PackedFile[] }]
    const dir = path.join(scratch, 'project')
    await mkdir(dir)
    await writeFile(path.join(dir, 'package.json'), '{ "private": true }\n')
    const tarball = path.join(scratch, path.basename(filename))
    const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--package-lock=false']
    await npm(['install', '--omit=dev', '--include=optional', ...quick, tarball], dir)
    const packageDir = path.join(dir, 'node_modules', 'flotilla')
    return { dir, packageDir, files, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
