const HOOKS = `
import fs from 'node:fs'
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  fs.appendFileSync(process.env.LOADED, found.url + '\\n')
  return found
}
`
/**
 * A module for `node --import`: notes in the file that LOADED names what the process has imported, and at its end what it
 * required and mapped.
 */
export const NOTE_LOADED = `
import fs from 'node:fs'
import { createRequire, register } from 'node:module'
register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)})
process.on('exit', () => {
  const required = Object.keys(createRequire(import.meta.url).cache)
  const { sharedObjects } = process.report.getReport()
  fs.appendFileSync(process.env.LOADED, [...required, ...sharedObjects, ''].join('\\n'))
})
`
