import { listImports } from './import-list.ts'
import type { SourceTree } from './source-tree.ts'
import { type Token, tokenize } from './tokens.ts'

/** Each of these reads or moves the world behind the back of the ports, so a seed would not replay it. */
const BANNED: ReadonlySet<string> = new Set([
  'Date',
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'process',
  'console',
  'WeakRef',
  'FinalizationRegistry',
  'globalThis',
])

const BANNED_MEMBERS: Readonly<Record<string, string>> = { Math: 'random', AbortSignal: 'timeout' }

/** The simulator lets real promises settle between its steps: there is no other way than a turn of the event loop. */
const OPEN_TO_SIM: ReadonlySet<string> = new Set(['setImmediate'])

const NODE_MODULES: ReadonlySet<string> = new Set([
  'node:buffer',
  'node:assert',
  'node:assert/strict',
  'node:util',
  'node:events',
  'node:zlib',
])

/** These three are where the world begins. */
function isExempt(file: string): boolean {
  return /^src\/(env|cli|bench)\//.test(file)
}

/** Banned globals, `node:` modules and state at module level, one line each. */
export function globalViolations(tree: SourceTree): string[] {
  const found: string[] = []
  for (const [file, source] of Object.entries(tree)) {
    if (isExempt(file)) continue
    const tokens = tokenize(source)
    const problems = [...bannedGlobals(file, tokens), ...bannedModules(source), ...moduleState(tokens)]
    found.push(...problems.map(({ line, text }) => `${file}:${line} ${text}`))
  }
  return found
}

interface Problem {
  readonly line: number
  readonly text: string
}

function bannedGlobals(file: string, tokens: readonly Token[]): Problem[] {
  const found: Problem[] = []
  tokens.forEach((token, i) => {
    if (token.kind !== 'word' || isMember(tokens, i)) return
    const member = BANNED_MEMBERS[token.text]
    if (member !== undefined && tokens[i + 1]?.text === '.' && tokens[i + 2]?.text === member) {
      found.push({ line: token.line, text: `uses ${token.text}.${member}` })
    }
    if (!BANNED.has(token.text) || isDeclaredName(tokens, i) || isShadowed(tokens, token.text)) return
    if (file.startsWith('src/sim/') && OPEN_TO_SIM.has(token.text)) return
    found.push({ line: token.line, text: `uses ${token.text}` })
  })
  return found
}

/** A file that binds the name itself (`for (const process of …`) means its own: the linter knows scopes, this does not. */
function isShadowed(tokens: readonly Token[], name: string): boolean {
  return tokens.some(({ text }, i) => {
    if (text !== name) return false
    const before = tokens[i - 1]?.text
    return before === 'const' || before === 'let' || isParameter(tokens, i)
  })
}

/** `(name: Type` and `(name) =>`. */
function isParameter(tokens: readonly Token[], i: number): boolean {
  if (tokens[i - 1]?.text !== '(') return false
  if (tokens[i + 1]?.text === ':') return true
  return tokens[i + 1]?.text === ')' && tokens[i + 2]?.text === '=' && tokens[i + 3]?.text === '>'
}

/** `timers.setTimeout` and `timers?.setTimeout`, but not the spread `...process`. */
function isMember(tokens: readonly Token[], i: number): boolean {
  return tokens[i - 1]?.text === '.' && tokens[i - 2]?.text !== '.'
}

/** The key of a property, or the name of a method that is declared here: `setTimeout(callback: F): Handle`. */
function isDeclaredName(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1]?.text ?? ''
  const inTernary = before === '?' || before === 'case'
  const next = tokens[i + 1]?.text === '?' && tokens[i + 2]?.text === ':' ? ':' : tokens[i + 1]?.text
  if (next === ':') return !inTernary && !isLabelledValue(tokens, i)
  if (next !== '(') return false
  const after = tokens[closing(tokens, i + 1) + 1]?.text
  return before !== 'new' && (after === '{' || (after === ':' && !inTernary))
}

/** `a ? b(process) : c` has its colon after a bracket; `x ? y.z + process : w` is caught here. */
function isLabelledValue(tokens: readonly Token[], i: number): boolean {
  return /^[+\-*/%&|=<>!]$/.test(tokens[i - 1]?.text ?? '')
}

/** The index of the bracket that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    if (isOpening(tokens[i]!)) depth++
    else if (isClosing(tokens[i]!) && --depth === 0) return i
  }
  return tokens.length
}

function isOpening(token: Token): boolean {
  return token.kind === 'punctuation' && '([{'.includes(token.text)
}

function isClosing(token: Token): boolean {
  return token.kind === 'punctuation' && ')]}'.includes(token.text)
}

function bannedModules(source: string): Problem[] {
  const found: Problem[] = []
  for (const { specifier, names, line } of listImports(source)) {
    if (!specifier?.startsWith('node:')) continue
    if (!NODE_MODULES.has(specifier)) found.push({ line, text: `imports ${specifier}` })
    else if (specifier === 'node:zlib' && names.join() !== 'crc32') {
      found.push({ line, text: 'imports more of node:zlib than crc32' })
    }
  }
  return found
}

const COLLECTIONS: ReadonlySet<string> = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array'])

const WRITING_METHODS: ReadonlySet<string> = new Set([
  'set',
  'add',
  'delete',
  'clear',
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
  'copyWithin',
])

/** State that two stores of one process would share: `let` and `static` fields, and collections that can be written. */
function moduleState(tokens: readonly Token[]): Problem[] {
  const found: Problem[] = []
  let depth = 0
  tokens.forEach((token, i) => {
    if (isOpening(token)) depth++
    else if (isClosing(token)) depth--
    else if (token.kind !== 'word' || isMember(tokens, i)) return
    else if (depth === 0 && (token.text === 'let' || token.text === 'var')) {
      found.push({ line: token.line, text: `module-level ${token.text} ${tokens[i + 1]?.text}` })
    } else if (depth === 0 && token.text === 'const') {
      const problem = sharedCollection(tokens, i)
      if (problem) found.push({ line: token.line, text: problem })
    } else if (depth === 1 && token.text === 'static' && isMutableStatic(tokens, i)) {
      found.push({ line: token.line, text: 'static field that is not readonly' })
    }
  })
  return found
}

/** From `static` to the sign that tells field from method; `static` may itself be a key. */
function isMutableStatic(tokens: readonly Token[], i: number): boolean {
  let j = i + 1
  while (tokens[j]?.kind === 'word' && tokens[j]!.text !== 'readonly') j++
  return j > i + 1 && tokens[j]?.text !== 'readonly' && /^[=:;?!]$/.test(tokens[j]?.text ?? '')
}

function sharedCollection(tokens: readonly Token[], i: number): string | null {
  const name = tokens[i + 1]?.text ?? ''
  const equals = assignment(tokens, i + 2)
  const first = tokens[equals + 1]
  if (first === undefined) return null
  const made = first.text === 'new' ? tokens[equals + 2]?.text : first.text
  const isCollection = first.text === 'new' && COLLECTIONS.has(made ?? '')
  if (!isCollection && made !== '[' && made !== '{') return null
  if (tokens.some((_, at) => writes(tokens, at, name))) return `module-level collection ${name} is written to`
  const type = tokens.slice(i + 2, equals).some((token) => /^(readonly|Readonly\w*)$/.test(token.text))
  const exported = tokens[i - 1]?.text === 'export'
  // A plain object or array of a module's own, never written here, is a constant; an exported or empty one is not.
  const empty = isCollection && tokens[closing(tokens, nextOpening(tokens, equals)) - 1]?.text === '('
  if (type || (!exported && !empty)) return null
  return isFixed(tokens, nextOpening(tokens, equals))
    ? null
    : `module-level collection ${name} can be written to`
}

/** The index of the `=` that gives the value: not the one of `=>` in a type. */
function assignment(tokens: readonly Token[], from: number): number {
  let j = from
  while (j < tokens.length && !(tokens[j]!.text === '=' && tokens[j + 1]?.text !== '>')) {
    j = isOpening(tokens[j]!) ? closing(tokens, j) + 1 : j + 1
  }
  return j
}

/** The bracket of the value: of `new Map<K, V>(` the round one. */
function nextOpening(tokens: readonly Token[], from: number): number {
  let j = from
  while (j < tokens.length && !isOpening(tokens[j]!)) j++
  return j
}

/** `as const`, or an object of a type that says `satisfies`. */
function isFixed(tokens: readonly Token[], open: number): boolean {
  const end = closing(tokens, open)
  return tokens[end + 1]?.text === 'as' && tokens[end + 2]?.text === 'const'
}

/** `name.set(`, `name[i] =`, `name.x =`, `delete name.x`, `name.x++`. */
function writes(tokens: readonly Token[], at: number, name: string): boolean {
  if (tokens[at]!.kind !== 'word' || tokens[at]!.text !== name || isMember(tokens, at)) return false
  if (tokens[at - 1]?.text === 'delete') return true
  let j = at + 1
  if (tokens[j]?.text === '[') j = closing(tokens, j) + 1
  else if (tokens[j]?.text === '.') {
    if (WRITING_METHODS.has(tokens[j + 1]?.text ?? '') && tokens[j + 2]?.text === '(') return true
    j += 2
  } else return false
  const sign = [tokens[j]?.text, tokens[j + 1]?.text, tokens[j + 2]?.text].join('')
  return /^(=[^=>]|[+\-*/%&|^]=|\+\+|--|(\*\*|\?\?|&&|\|\||<<|>>)=)/.test(sign)
}
