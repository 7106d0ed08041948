import { basename, relative } from 'node:path'

/** How this command was called, so that what we print can be pasted: flotilla, npx flotilla, node dist/… */
export function invocation(env: NodeJS.ProcessEnv, script: string): string {
  if (env.npm_command === 'exec') return 'npx flotilla'
  if (basename(script) === 'flotilla') return 'flotilla'
  const path = relative(process.cwd(), script)
  return `node ${path.startsWith('..') ? script : path}`
}
