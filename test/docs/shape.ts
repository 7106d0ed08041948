/**
 * Whether output looks as a page shows it: line by line the same words, in this order. Numbers, ids of stores that an election
 * chose, and the frames and widths of tables may differ; `…` in the page stands for anything; other lines may stand between.
 * Null when it does, else the first line that is missing.
 */
export function missingLine(shown: string, output: string): string | null {
  const lines = output.split('\n').map(shapeOf)
  let from = 0
  for (const line of shown.split('\n')) {
    const parts = shapeOf(line).split('…')
    if (parts.join('').trim() === '') continue
    const at = lines.findIndex((candidate, i) => i >= from && hasInOrder(candidate, parts))
    if (at < 0) return line
    from = at + 1
  }
  return null
}

function shapeOf(line: string): string {
  return (
    line
      .replace(/[\u2500-\u257f]/g, ' ')
      .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/g, '#')
      // A comma behind a number is the line's: names made at random end with a digit at times.
      .replace(/\d+(?:[.,]\d+)*/g, '#')
      .replace(/\s+/g, ' ')
      .trim()
  )
}

function hasInOrder(line: string, parts: readonly string[]): boolean {
  let at = 0
  for (const part of parts.map((text) => text.trim())) {
    const found = line.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return true
}
