import { type Token, tokenize } from './tokens.ts'

export interface Import {
  /** As written. Null when it is computed at run time. */
  readonly specifier: string | null
  readonly line: number
  /** Gone after compilation: `import type`. */
  readonly typeOnly: boolean
  /** The names taken, as the module exports them; `*` for the whole module. Empty for a bare or dynamic import. */
  readonly names: readonly string[]
}

/** Every import of a source: static, `export … from`, dynamic, and `import('…')` in types. */
export function listImports(source: string): Import[] {
  const tokens = tokenize(source)
  const found: Import[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (token.kind !== 'word' || tokens[i - 1]?.text === '.') continue
    const item =
      token.text === 'import' ? importAt(tokens, i) : token.text === 'export' ? exportAt(tokens, i) : null
    if (item) found.push(item)
  }
  return found
}

function importAt(tokens: readonly Token[], i: number): Import | null {
  const line = tokens[i]!.line
  const next = tokens[i + 1]
  if (next === undefined || next.text === '.' || next.text === ':') return null
  if (next.kind === 'string') return { specifier: next.text, line, typeOnly: false, names: [] }
  if (next.text === '(' && next.kind === 'punctuation') {
    const argument = tokens[i + 2]
    const literal = argument?.kind === 'string' && tokens[i + 3]?.text !== '+'
    return { specifier: literal ? argument.text : null, line, typeOnly: false, names: [] }
  }
  return clauseAt(tokens, i)
}

function exportAt(tokens: readonly Token[], i: number): Import | null {
  const next = tokens[i + 1]?.text === 'type' ? tokens[i + 2] : tokens[i + 1]
  return next?.text === '{' || next?.text === '*' ? clauseAt(tokens, i) : null
}

/** `{ a, type b as c } from '…'`, `* as x from '…'`, `x, { y } from '…'`: from the word import or export on. */
function clauseAt(tokens: readonly Token[], i: number): Import | null {
  const typeOnly = tokens[i + 1]?.text === 'type' && tokens[i + 2]?.text !== 'from'
  const names: string[] = []
  let depth = 0
  for (let j = i + (typeOnly ? 2 : 1); j < tokens.length; j++) {
    const token = tokens[j]!
    if (token.kind === 'punctuation' && token.text === '{') depth++
    else if (token.kind === 'punctuation' && token.text === '}') {
      depth--
      if (depth === 0 && tokens[j + 1]?.text !== 'from' && tokens[j + 1]?.text !== ',') return null
    } else if (depth === 0 && token.text === 'from' && tokens[j + 1]?.kind === 'string') {
      return { specifier: tokens[j + 1]!.text, line: tokens[i]!.line, typeOnly, names }
    } else if (token.kind === 'string') return null
    else if (token.text === '*') names.push('*')
    else if (isName(tokens, j)) names.push(depth === 0 ? 'default' : token.text)
  }
  return null
}

function isName(tokens: readonly Token[], j: number): boolean {
  const token = tokens[j]!
  if (token.kind !== 'word' || token.text === 'as' || tokens[j - 1]?.text === 'as') return false
  return token.text !== 'type' || tokens[j + 1]?.kind !== 'word'
}
