/**
 * Brings a checkout into a runnable state: installs the packages of package-lock.json and compiles into dist/, each only
 * when it is missing or out of date. `npm start`, `npm test` and the other scripts run it first. It needs nothing but
 * Node and npm, says everything on stderr, and ends with 0 only when what comes after it can run.
 *
 *   node setup.mjs            install and compile what is missing
 *   node setup.mjs --build    the same, but compile in any case
 */
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import zlib from 'node:zlib'

const ROOT = path.dirname(fileURLToPath(import.meta.url))
const at = (...parts) => path.join(ROOT, ...parts)

const INSTALL_STAMP = at('node_modules', '.flotilla-install.json')
const BUILD_STAMP = at('dist', '.flotilla-build.json')
const SOURCE_DIRS = ['src', 'bench', 'test']

const LOCK_DIR = at('dist', '.flotilla-lock')
const LOCK_OWNER = path.join(LOCK_DIR, 'owner.json')
/** The owner touches its lock this often; one untouched for LOCK_STALE_MS is dead, whatever its pid says. */
const LOCK_BEAT_MS = 2_000
const LOCK_STALE_MS = 30_000
/** An npm that outlives its killed owner is waited for this long: two of them would tear each other's folders down. */
const ORPHAN_WAIT_MS = 5 * 60_000
/** An interrupted child gets this long to clean up behind itself before it is killed. */
const CHILD_END_MS = 5_000
const LOCK_WAIT_MS = 20 * 60_000
const LOCK_POLL_MS = 200
/** Long work says that it is alive this often, so that nobody takes it for hung. */
const STILL_MS = 1_900

/** A failure with a remedy: printed as it is, without a stack. */
class SetupError extends Error {}

function say(text) {
  process.stderr.write(`flotilla: ${text}\n`)
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** Never half a file under the final name: a cut run must not leave a stamp that looks whole. */
function writeJson(file, value) {
  const temporary = `${file}.${process.pid}.tmp`
  fs.writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`)
  fs.renameSync(temporary, file)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const newEnough = major > 20 || (major === 20 && minor >= 19)
  // Node 21 and the first of 22 are newer than 20.19, but lack what 20.15 and 22.2 brought.
  if (newEnough && typeof zlib.crc32 === 'function') return
  throw new SetupError(
    `Node.js 20.19 or newer is needed (of 22, at least 22.2; not 21); this is ${process.version} at ${process.execPath}.\n` +
      'Install a current Node.js from https://nodejs.org and run the command again.',
  )
}

// ---------------------------------------------------------------------------------------------- packages

function readLockfile() {
  const lock = readJson(at('package-lock.json'))
  if (lock?.packages) return lock
  throw new SetupError(
    'package-lock.json is missing or damaged; without it other versions than the tested ones would be installed.\n' +
      'Restore it with `git checkout -- package-lock.json` and run the command again.',
  )
}

/** What an installation stands for: the locked packages, what package.json asks for, and the binaries' platform. */
function installKey() {
  const manifest = readJson(at('package.json'))
  if (!manifest) throw new SetupError('package.json is missing or damaged. Restore it from git.')
  return createHash('sha256')
    .update(fs.readFileSync(at('package-lock.json')))
    .update(JSON.stringify([manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies]))
    .update(`${process.versions.modules} ${process.platform} ${process.arch} ${libc()}`)
    .digest('hex')
}

function libc() {
  if (process.platform !== 'linux') return ''
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
}

/** npm's own rule: a list of names, some perhaps negated with `!`. */
function suits(list, value) {
  if (!list) return true
  if (list.includes(`!${value}`)) return false
  const wanted = list.filter((name) => !name.startsWith('!'))
  return wanted.length === 0 || wanted.includes(value)
}

function forThisPlatform(entry) {
  return (
    suits(entry.os, process.platform) &&
    suits(entry.cpu, process.arch) &&
    (!entry.libc || suits(entry.libc, libc()))
  )
}

/**
 * The locked packages that must be there. npm tolerates that optional ones lack, so they count only when `withOptional`,
 * and then only those made for this very platform: others may belong to another platform's package.
 */
function requiredPackages(lock, withOptional) {
  return Object.entries(lock.packages).filter(([place, entry]) => {
    if (place === '' || entry.link || !forThisPlatform(entry)) return false
    return !entry.optional || (withOptional && Boolean(entry.os || entry.cpu))
  })
}

/** The first required package without its folder, or undefined. */
function missingPackage(lock, withOptional) {
  const missing = ([place]) => !fs.existsSync(at(place, 'package.json'))
  return requiredPackages(lock, withOptional).find(missing)?.[0]
}

function installed(lock) {
  const stamp = readJson(INSTALL_STAMP)
  return stamp !== null && stamp.key === installKey() && !missingPackage(lock, false)
}

/**
 * True when a hand-run `npm ci` or `npm install` has left exactly the locked packages, all of them. npm writes its hidden
 * lockfile only at its end, so a cut run is never taken for a whole one.
 */
function installedByHand(lock) {
  const hidden = readJson(at('node_modules', '.package-lock.json'))
  if (!hidden?.packages || missingPackage(lock, true)) return false
  return requiredPackages(lock, true).every(([place, entry]) => {
    const found = hidden.packages[place]
    return found && found.version === entry.version && found.integrity === entry.integrity
  })
}

/** The npm that started us, else the one on the PATH. Another package manager's path is no npm. */
function npmCommand() {
  const execPath = process.env.npm_execpath
  if (execPath && /^npm(-cli)?\.c?js$/.test(path.basename(execPath)) && fs.existsSync(execPath)) {
    return { file: process.execPath, before: [execPath], shell: false }
  }
  return { file: 'npm', before: [], shell: process.platform === 'win32' }
}

async function install(lock) {
  if (installedByHand(lock)) {
    writeJson(INSTALL_STAMP, { key: installKey() })
    return
  }
  const first = !fs.existsSync(at('node_modules'))
  say(first ? 'installing packages (first run)…' : 'installing packages…')
  const npm = npmCommand()
  // Said in full, because npm_config_* and NODE_ENV of the caller would otherwise decide. Nothing here needs an install
  // script: binaries come prebuilt, and where there is none a compiler must not be asked for.
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--include=peer',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]
  args.push('--global=false', '--dry-run=false', '--package-lock=true', '--loglevel=error')
  // Once more when packages lack after a good end: something else was at work in the folder.
  for (let tries = 0; tries < 2; tries++) {
    const ended = await run('installing', npm.file, [...npm.before, ...args], npm.shell)
    if (ended.code !== 0) throw installError(ended)
    if (!missingPackage(lock, false)) break
  }
  const missing = missingPackage(lock, false)
  if (missing)
    throw new SetupError(`npm ci ended well but ${missing} is missing. Remove node_modules and run it again.`)
  writeJson(INSTALL_STAMP, { key: installKey() })
}

function installError(ended) {
  if (ended.error && ended.error.code === 'ENOENT') {
    return new SetupError(
      'npm was not found. It comes with Node.js; put it on the PATH and run the command again.',
    )
  }
  // npm follows a lockfile that does not fit with its whole usage text.
  process.stderr.write(ended.output.replace(/^npm error Clean install a project[\s\S]*$/m, ''))
  const outOfSync = /code EUSAGE/.test(ended.output)
  return new SetupError(
    `installing the packages failed (npm ci: ${ended.reason}; its message is above).\n` +
      (outOfSync
        ? 'package.json and package-lock.json do not fit together: restore both from git, or, after a change of your own, run `npm install`.'
        : 'Is the registry reachable (`npm ping`)? Then run the command again: it starts over by itself.'),
  )
}

// ------------------------------------------------------------------------------------------------- build

/** Every file under `dir`, as paths relative to the root with `/`, sorted. */
function listFiles(dir) {
  const found = []
  const visit = (relative) => {
    let entries
    try {
      entries = fs.readdirSync(at(relative), { withFileTypes: true })
    } catch (error) {
      if (error.code === 'ENOENT') return
      throw error
    }
    for (const entry of entries) {
      const name = `${relative}/${entry.name}`
      if (entry.isDirectory()) visit(name)
      else if (entry.isFile()) found.push(name)
    }
  }
  visit(dir)
  return found.sort()
}

function sourceKey() {
  const hash = createHash('sha256')
  const files = SOURCE_DIRS.flatMap(listFiles)
  for (const name of [...files, 'tsconfig.json', 'package-lock.json']) {
    let content = ''
    try {
      content = fs.readFileSync(at(name))
    } catch (error) {
      if (error.code !== 'ENOENT') throw error // Deleted while we looked: the next run sees another key.
    }
    hash.update(`${name}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** The stamp and the lock of setup itself, and temporary files of theirs. */
function isOwn(name) {
  return name.startsWith('dist/.flotilla-')
}

/** What lies in dist, by name, size and time: a compiler run by hand, or a deleted file, must not go unseen. */
function outputKey() {
  const hash = createHash('sha256')
  for (const name of listFiles('dist')) {
    if (isOwn(name)) continue
    const stat = fs.statSync(at(name), { throwIfNoEntry: false })
    if (stat) hash.update(`${name}\0${stat.size}\0${stat.mtimeMs}\0`)
  }
  return hash.digest('hex')
}

function built() {
  const stamp = readJson(BUILD_STAMP)
  return stamp !== null && stamp.sources === sourceKey() && stamp.outputs === outputKey()
}

/**
 * Removes what no source stands behind any more, else a deleted test would go on running. Done in place, never by wiping
 * dist: another process may be running from it.
 */
function pruneDist() {
  for (const name of listFiles('dist')) {
    if (isOwn(name)) continue
    const stem = name.slice('dist/'.length).replace(/(\.d)?\.([cm]?)[jt]s(\.map)?$/, '.$2')
    if (!/\.[cm]?$/.test(stem)) {
      // Not the compiler's: a copy of a plain file, or rubbish.
      if (!fs.existsSync(at(name.slice('dist/'.length)))) fs.rmSync(at(name), { force: true })
      continue
    }
    const sources = [`${stem}ts`, `${stem}js`, `${stem.replace(/\.[cm]?$/, '')}.d.${stem.split('.').pop()}ts`]
    if (!sources.some((source) => fs.existsSync(at(source)))) fs.rmSync(at(name), { force: true })
  }
}

/** The compiler passes over a .js beside its .d.ts (generated code) and over the .d.ts too: those go as they are. */
function copyPlainSources() {
  for (const name of listFiles('src')) {
    const plain =
      /\.d\.[cm]?ts$/.test(name) || (/\.[cm]?js$/.test(name) && fs.existsSync(at(declarationOf(name))))
    if (!plain) continue
    const target = at('dist', name)
    const content = fs.readFileSync(at(name))
    if (fs.existsSync(target) && fs.readFileSync(target).equals(content)) continue
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.writeFileSync(target, content)
  }
}

function declarationOf(name) {
  return name.replace(/\.([cm]?)js$/, '.d.$1ts')
}

async function build() {
  say('compiling…')
  const sources = sourceKey()
  fs.rmSync(BUILD_STAMP, { force: true })
  const tsc = at('node_modules', 'typescript', 'bin', 'tsc')
  const args = [
    tsc,
    '-p',
    at('tsconfig.json'),
    '--noEmit',
    'false',
    '--noEmitOnError',
    '--incremental',
    'false',
  ]
  if (process.stderr.isTTY) args.push('--pretty')
  const ended = await run('compiling', process.execPath, args, false)
  if (ended.code !== 0) {
    process.stderr.write(ended.output)
    throw new SetupError(
      `the sources do not compile (tsc: ${ended.reason}). Repair the errors above and run it again.`,
    )
  }
  pruneDist()
  copyPlainSources()
  // The key from before the compiler ran: sources edited meanwhile differ from it and are compiled next time.
  writeJson(BUILD_STAMP, { sources, outputs: outputKey() })
}

// ---------------------------------------------------------------------------------- children and the lock

let child = null

/** Runs a command and gathers its output; meanwhile says every while that it goes on. Never rejects. */
function run(what, file, args, shell) {
  return new Promise((resolve) => {
    const started = Date.now()
    const still = setInterval(
      () => say(`still ${what} (${Math.round((Date.now() - started) / 1000)} s)…`),
      STILL_MS,
    )
    let output = ''
    const gather = (text) => {
      output += text
    }
    const end = (code, reason, error) => {
      clearInterval(still)
      child = null
      resolve({ code, reason, error, output })
    }
    child = spawn(file, args, { cwd: ROOT, shell, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', gather)
    child.on('error', (error) => end(1, error.message, error))
    if (child.pid) writeOwner(child.pid)
    child.on('close', (code, signal) =>
      end(signal ? 1 : code, signal ? `killed by ${signal}` : `exit code ${code}`),
    )
  })
}

/** Null when the lock is free to try again, else who holds it. */
function lockHolder() {
  const owner = readJson(LOCK_OWNER)
  const stat = fs.statSync(owner ? LOCK_OWNER : LOCK_DIR, { throwIfNoEntry: false })
  if (!stat) return null
  const silentMs = Date.now() - stat.mtimeMs
  return { token: owner?.token ?? 'none', pid: owner?.pid ?? 0, dead: isDead(owner, silentMs) }
}

/** Silence proves death, for a pid may be another process by now; a pid that is gone proves it sooner. */
function isDead(owner, silentMs) {
  if (!owner || owner.host !== os.hostname()) return silentMs > LOCK_STALE_MS
  if (owner.child && isAlive(owner.child)) return silentMs > ORPHAN_WAIT_MS
  return silentMs > LOCK_STALE_MS || !isAlive(owner.pid)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

/** mkdir succeeds for one only. False when it exists. */
function makeDir(dir) {
  try {
    fs.mkdirSync(dir)
    return true
  } catch (error) {
    if (error.code === 'EEXIST' || error.code === 'ENOENT') return false
    throw new SetupError(`cannot write to ${ROOT}: ${error.message}`)
  }
}

let lockToken = null

/** Who holds the lock, and the child that works for it: that one may outlive us. */
function writeOwner(childPid) {
  writeJson(LOCK_OWNER, { token: lockToken, pid: process.pid, child: childPid, host: os.hostname() })
}

/** A dead owner's lock is taken over in place, by whoever first makes the directory named after that owner. */
function tryLock(token) {
  fs.mkdirSync(path.dirname(LOCK_DIR), { recursive: true })
  if (!makeDir(LOCK_DIR)) {
    const holder = lockHolder()
    if (!holder?.dead) return false
    if (!makeDir(path.join(LOCK_DIR, `after-${holder.token}`))) return false
  }
  lockToken = token
  writeOwner(null)
  return true
}

/** Takes the lock, waiting for another run's end. Returns how to release it. */
async function takeLock() {
  const token = randomUUID()
  const started = Date.now()
  let saidAt = 0
  while (!tryLock(token)) {
    const now = Date.now()
    if (now - started > LOCK_WAIT_MS) {
      throw new SetupError(
        `another setup has held ${LOCK_DIR} for too long. If none is running, remove it and try again.`,
      )
    }
    if (now - saidAt > STILL_MS) {
      const holder = lockHolder()
      if (holder) say(`waiting for another setup${holder.pid ? ` (process ${holder.pid})` : ''}…`)
      saidAt = now
    }
    await sleep(LOCK_POLL_MS)
  }
  const isOurs = () => readJson(LOCK_OWNER)?.token === token
  const beat = setInterval(() => {
    if (isOurs()) fs.utimesSync(LOCK_OWNER, new Date(), new Date())
  }, LOCK_BEAT_MS)
  return () => {
    clearInterval(beat)
    if (isOurs()) fs.rmSync(LOCK_DIR, { recursive: true, force: true })
  }
}

function onSignals(release) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      say(`interrupted (${signal})`)
      endChild(signal, () => {
        release()
        process.exit(128 + os.constants.signals[signal])
      })
    })
  }
}

/** The lock may only go when the child is gone: npm takes a moment to roll back. */
function endChild(signal, then) {
  if (!child) return then()
  const dying = child
  dying.removeAllListeners('close')
  dying.on('close', then)
  dying.kill(signal)
  setTimeout(() => dying.kill('SIGKILL'), CHILD_END_MS)
}

async function main() {
  checkNode()
  const unknown = process.argv.slice(2).find((arg) => arg !== '--build')
  if (unknown) throw new SetupError(`unknown argument ${unknown}. Usage: node setup.mjs [--build]`)
  const force = process.argv.includes('--build')
  if (!fs.existsSync(at('tsconfig.json')))
    throw new SetupError('this is no checkout of the sources: nothing to set up.')
  const lock = readLockfile()
  if (!force && installed(lock) && built()) return
  const release = await takeLock()
  onSignals(release)
  try {
    // Asked again under the lock: the run we waited for may have done the work.
    if (!installed(lock)) await install(lock)
    if (force || !built()) await build()
  } finally {
    release()
  }
}

main().catch((error) => {
  say(error instanceof SetupError ? error.message : `setup failed: ${error.stack}`)
  process.exitCode = 1
})
