/** Writes the generated parts of README.md and docs/*.md anew: `npm run docs`. A test fails when they are stale. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { withGeneratedParts } from './generated.ts'
import { ROOT, readPages } from './pages.ts'

for (const [file, page] of readPages()) {
  const fresh = withGeneratedParts(page)
  if (fresh === page) continue
  writeFileSync(path.join(ROOT, file), fresh)
  console.log(`${file} written`)
}
