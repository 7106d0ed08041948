import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  lockViolations,
  type Manifest,
  machinePathViolations,
  manifestViolations,
  topLevelViolations,
} from './repo-rules.ts'
import { repositoryRoot } from './source-tree.ts'

const root = repositoryRoot()
const readJson = (name: string) => JSON.parse(fs.readFileSync(path.join(root, name), 'utf8'))

/** What git has, or would be given by `git add`. Without git, as in an unpacked archive, all but what is made here. */
function repositoryFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const git = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  const names =
    git.status === 0
      ? git.stdout.split('\0').filter((name) => name !== '')
      : fs
          .readdirSync(root, { recursive: true, encoding: 'utf8' })
          .filter((name) => !/^(node_modules|dist|\.git)(\/|$)/.test(name))
  return names.filter((name) => fs.statSync(path.join(root, name), { throwIfNoEntry: false })?.isFile())
}

function repositoryTexts(): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of repositoryFiles()) {
    const bytes = fs.readFileSync(path.join(root, name))
    if (!bytes.includes(0)) texts[name] = bytes.toString('utf8')
  }
  return texts
}

describe('the repository', () => {
  test('runs nothing unasked and pins every dependency exactly', () => {
    expect(manifestViolations(readJson('package.json'), readJson('package-lock.json'))).toEqual([])
  })

  test('has a lockfile that npm ci accepts on every platform and that names no registry', () => {
    expect(lockViolations(readJson('package-lock.json'))).toEqual([])
  })

  test('holds at its top level only what belongs there', () => {
    expect(topLevelViolations(repositoryFiles())).toEqual([])
  })

  test('names no path of one machine', () => {
    expect(machinePathViolations(repositoryTexts(), root)).toEqual([])
  })
})

describe('the rule of the manifest', () => {
  const lock = { packages: { 'node_modules/a': { version: '1.2.3' } } }

  test('accepts plain scripts and exact versions', () => {
    const manifest = { scripts: { test: 'x', build: 'y', proto: 'z' }, dependencies: { a: '1.2.3' } }
    expect(manifestViolations(manifest, lock)).toEqual([])
  })

  test.each<Manifest>([
    { scripts: { pretest: 'x' } },
    { scripts: { postinstall: 'x' } },
    { scripts: { prepare: 'x' } },
    { dependencies: { a: '^1.2.3' } },
    { dependencies: { a: 'latest' } },
    { devDependencies: { a: '1.2.4' } },
    { devDependencies: { b: '1.0.0' } },
  ])('refuses %j', (manifest) => {
    expect(manifestViolations(manifest, lock)).toHaveLength(1)
  })
})

describe('the rule of the lockfile', () => {
  test('accepts what is locked beside or around its asker', () => {
    const packages = {
      'node_modules/a': { optionalDependencies: { b: '1', c: '1' } },
      'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
      'node_modules/c': {},
    }
    expect(lockViolations({ packages })).toEqual([])
  })

  test('refuses a package of another platform that is left out, and a registry', () => {
    const packages = {
      'node_modules/a': { resolved: 'https://example.com/a.tgz', optionalDependencies: { b: '1' } },
    }
    expect(lockViolations({ packages })).toHaveLength(2)
  })
})

describe('the rules of files', () => {
  test('a stray file or folder at the top level is named', () => {
    expect(topLevelViolations(['src/a.ts', 'README.md', '.ci/run'])).toEqual([])
    expect(topLevelViolations(['notes.txt', 'tools/a.ts', 'tools/b.ts'])).toHaveLength(2)
  })

  // Put together here, because this file is under the rule too.
  const slash = '/'

  test.each([
    `see ${slash}home/ada/flotilla/x`,
    `see ${slash}Users/ada/x`,
    `in ${slash}root/x`,
    `cd ${slash}work/main`,
    `at ${slash}srv/checkout/src/a.ts`,
  ])('%j is a path of one machine', (text) => {
    expect(machinePathViolations({ 'docs/a.md': `one\n${text}\n` }, `${slash}srv/checkout`)).toEqual([
      'docs/a.md:2 names a path of one machine',
    ])
  })

  test.each(['./data/s1', 'src/home/a/b', 'https://example.com/home/a/b', 'a/work/b', '/var/lib/flotilla'])(
    '%j is none',
    (text) => {
      expect(machinePathViolations({ 'docs/a.md': text }, `${slash}srv/checkout`)).toEqual([])
    },
  )
})
