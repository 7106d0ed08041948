import { createRequire } from 'node:module'

/** A plain table, without colours. Columns whose every cell is a number stand to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = (column: number): boolean =>
    rows.length > 0 && rows.every((row) => /^-?[\d,.]+( %)?$/.test(row[column] ?? ''))
  // Loaded with the first table: most commands print none.
  const Table = createRequire(import.meta.url)('cli-table3') as typeof import('cli-table3')
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (isNumber(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}
