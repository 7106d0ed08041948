/**
 * As much of TypeScript's lexer as the tidy tests need: words, strings and punctuation with their lines; comments,
 * regular expressions and the text of templates are gone, the code inside `${}` stays.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'regex' | 'template' | 'punctuation'
  /** The word or sign itself; of a string what stands between its quotes. */
  readonly text: string
  readonly line: number
}

/** After one of these words a slash begins a regular expression; after any other it divides. */
const BEFORE_REGEX: ReadonlySet<string> = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'await',
  'yield',
  'instanceof',
])

const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy
const NUMBER = /\d[\w.]*/y

export function tokenize(source: string): Token[] {
  return new Lexer(source).run()
}

class Lexer {
  readonly #source: string
  readonly #tokens: Token[] = []
  /** For every open `${`, how many braces were open outside it: a template goes on at its own closing brace. */
  readonly #templates: number[] = []
  #at = 0
  #line = 1
  #braces = 0

  constructor(source: string) {
    this.#source = source
  }

  run(): Token[] {
    while (this.#at < this.#source.length) this.#step()
    return this.#tokens
  }

  #step(): void {
    const char = this.#source[this.#at]!
    const pair = this.#source.slice(this.#at, this.#at + 2)
    if (char === '\n' || /\s/.test(char)) this.#skipTo(this.#at + 1)
    else if (pair === '//') this.#skipTo(this.#find('\n'))
    else if (pair === '/*') this.#skipTo(this.#find('*/') + 2)
    else if (char === "'" || char === '"') this.#string(char)
    else if (char === '`') this.#template(this.#at + 1)
    else if (char === '/' && this.#regexMayBegin()) this.#regex()
    else if (!this.#match('word', WORD) && !this.#match('number', NUMBER)) this.#sign(char)
  }

  #find(text: string): number {
    const found = this.#source.indexOf(text, this.#at)
    return found < 0 ? this.#source.length : found
  }

  #skipTo(end: number): void {
    const stop = Math.min(end, this.#source.length)
    for (; this.#at < stop; this.#at++) if (this.#source[this.#at] === '\n') this.#line++
  }

  #push(kind: Token['kind'], text: string, end: number): void {
    this.#tokens.push({ kind, text, line: this.#line })
    this.#skipTo(end)
  }

  #match(kind: Token['kind'], pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#source)?.[0]
    if (text === undefined) return false
    this.#push(kind, text, this.#at + text.length)
    return true
  }

  #string(quote: string): void {
    let end = this.#at + 1
    while (end < this.#source.length && this.#source[end] !== quote) end += this.#source[end] === '\\' ? 2 : 1
    this.#push('string', this.#source.slice(this.#at + 1, end), end + 1)
  }

  /** From inside a template to its end or to the next `${`. */
  #template(from: number): void {
    let end = from
    while (end < this.#source.length && this.#source[end] !== '`') {
      if (this.#source.startsWith('${', end)) {
        this.#templates.push(this.#braces++)
        this.#push('punctuation', '{', end + 2)
        return
      }
      end += this.#source[end] === '\\' ? 2 : 1
    }
    this.#push('template', '', end + 1)
  }

  #sign(char: string): void {
    if (char === '{') this.#braces++
    if (char === '}') this.#braces--
    const closesTemplate = char === '}' && this.#templates.at(-1) === this.#braces
    this.#push('punctuation', char, this.#at + 1)
    if (!closesTemplate) return
    this.#templates.pop()
    this.#template(this.#at)
  }

  #regexMayBegin(): boolean {
    const last = this.#tokens.at(-1)
    if (last === undefined) return true
    if (last.kind === 'word') return BEFORE_REGEX.has(last.text)
    return last.kind === 'punctuation' && !')]}'.includes(last.text)
  }

  #regex(): void {
    let end = this.#at + 1
    for (let inClass = false; end < this.#source.length; end++) {
      const char = this.#source[end]
      if (char === '\n' || (char === '/' && !inClass)) break
      if (char === '\\') end++
      else if (char === '[') inClass = true
      else if (char === ']') inClass = false
    }
    this.#push('regex', '', end + 1)
  }
}
