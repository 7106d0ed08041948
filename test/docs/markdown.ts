/** What the tests of the documentation read of a page. */

export interface CodeBlock {
  /** 'sh', 'js', 'ts', 'json', 'text'; '' when the fence does not say. */
  readonly language: string
  /** The second word of the fence: the name of the file that the reader makes of it; '' for none. */
  readonly file: string
  readonly text: string
  /** Of the opening fence, from 1. */
  readonly line: number
  /** Made by `npm run docs`. */
  readonly generated: boolean
  /** The paragraph before the fence. */
  readonly lead: string
}

const FENCE = /^```(\S*) ?(\S*)\s*$/

export function codeBlocks(page: string): CodeBlock[] {
  const lines = page.split('\n')
  const blocks: CodeBlock[] = []
  let generated = false
  for (let i = 0; i < lines.length; i++) {
    if (lines[i]!.startsWith('<!-- generated: ')) generated = true
    if (lines[i] === '<!-- /generated -->') generated = false
    const [, language, file] = FENCE.exec(lines[i]!) ?? []
    if (language === undefined) continue
    const end = lines.indexOf('```', i + 1)
    if (end < 0) throw new Error(`line ${i + 1}: a fence without an end`)
    const text = lines.slice(i + 1, end).join('\n')
    blocks.push({ language, file: file!, text, line: i + 1, generated, lead: paragraphBefore(lines, i) })
    i = end
  }
  return blocks
}

function paragraphBefore(lines: readonly string[], at: number): string {
  let end = at
  while (end > 0 && lines[end - 1] === '') end--
  let start = end
  while (start > 0 && lines[start - 1] !== '') start--
  return lines.slice(start, end).join(' ')
}

/** The page without its fences' insides. */
export function prose(page: string): string {
  return page.replace(/^```[\s\S]*?^```$/gm, '')
}

/** What stands between backticks in the prose, with line breaks as spaces. */
export function codeSpans(page: string): string[] {
  return Array.from(prose(page).matchAll(/`([^`]+)`/g), ([, text]) => text!.replace(/\s+/g, ' '))
}

/** Targets of links to other pages and places, not those to the web. */
export function localLinks(page: string): string[] {
  const targets = Array.from(prose(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!)
  return targets.filter((target) => !/^https?:/.test(target))
}

/** The names under which the headings of a page can be linked to. */
export function anchors(page: string): string[] {
  return Array.from(prose(page).matchAll(/^#+ (.+)$/gm), ([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}
