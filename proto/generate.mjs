/**
 * Compiles the .proto files of this folder into src/rpc/generated/: `wire.js` (the code) and `wire-types.ts` (its
 * types). Run it with `npm run proto` after any change here; a test fails when the committed files are stale.
 *
 *   node proto/generate.mjs [output folder]
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import pbjs from 'protobufjs-cli/pbjs.js'
import pbts from 'protobufjs-cli/pbts.js'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const OUTPUT = path.resolve(process.argv[2] ?? path.join(HERE, '..', 'src', 'rpc', 'generated'))
const SOURCES = ['raft.proto', 'rpc.proto', 'admin.proto', 'kv.proto']
const HEADER = '// Generated from proto/ by `npm run proto`. Do not edit.\n'

const FLAGS = ['--target', 'static-module', '--wrap', 'esm', '--es6', '--force-number', '--path', HERE]
const LEFT_OUT = [
  '--no-verify',
  '--no-convert',
  '--no-delimited',
  '--no-typeurl',
  '--no-service',
  '--no-create',
]
const DEPENDENCY = ['--dependency', 'protobufjs/minimal.js']

/**
 * uint64 fields are numbers. The library decodes them as Long objects wherever the package `long` can be loaded, and
 * switching that off would change it for every other user in the process; so the generated code gets a reader of its own.
 */
const NUMBER_READER = `
class $Reader extends $protobuf.BufferReader {
    constructor(buffer) {
        super(buffer);
        this.discardUnknown = true;
    }

    static create(buffer) {
        return new $Reader(buffer);
    }

    uint64() {
        const value = super.uint64();
        return typeof value === "number" ? value : value.toNumber();
    }
}
$Reader.recursionLimit = $protobuf.Reader.recursionLimit;
const $Writer = $protobuf.Writer, $util = $protobuf.util;
`

function runTool(tool, args) {
  return new Promise((resolve, reject) => {
    tool.main(args, (error, output) => (error ? reject(error) : resolve(output)))
  })
}

/** Replaces every occurrence and insists that there is one: a new version of the tool must not pass unseen. */
function replaceAll(text, from, to) {
  if (!text.includes(from)) throw new Error(`the generated code holds no "${from}": adapt proto/generate.mjs`)
  return text.replaceAll(from, to)
}

function adaptCode(code) {
  let out = code.replace(/^\/\*eslint-disable.*\n/, '')
  const aliases = 'const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;\n'
  out = replaceAll(out, aliases, NUMBER_READER.trimStart())
  out = replaceAll(out, '$util.Long ? $util.Long.fromBits(0,0,true) : 0', '0')
  // No entry in the library's table of roots: another copy of this package would share it.
  out = out.replace(/const \$root = \$protobuf\.roots\[.*\n/, 'const $root = {};\n')
  if (out.includes('roots'))
    throw new Error('the generated code uses the table of roots: adapt proto/generate.mjs')
  return `${HEADER}// @ts-nocheck\n${out}`
}

function adaptTypes(types) {
  let out = replaceAll(types, 'import * as $protobuf', 'import type * as $protobuf')
  out = out.replace(/^import Long = .*\n/m, '')
  out = replaceAll(out, 'export namespace flotilla', 'export declare namespace flotilla')
  return `${HEADER}${out}`
}

async function main() {
  fs.mkdirSync(OUTPUT, { recursive: true })
  const sources = SOURCES.map((name) => path.join(HERE, name))
  const code = await runTool(pbjs, [...FLAGS, ...LEFT_OUT, ...DEPENDENCY, ...sources])
  // The types are made from the comments of the code, which the committed code then does without.
  const documented = path.join(OUTPUT, `wire.${process.pid}.tmp.js`)
  fs.writeFileSync(documented, code)
  try {
    const types = await runTool(pbts, ['--import', '$protobuf=protobufjs/minimal.js', documented])
    fs.writeFileSync(path.join(OUTPUT, 'wire-types.ts'), adaptTypes(types))
  } finally {
    fs.rmSync(documented, { force: true })
  }
  const bare = await runTool(pbjs, [...FLAGS, ...LEFT_OUT, ...DEPENDENCY, '--no-comments', ...sources])
  fs.writeFileSync(path.join(OUTPUT, 'wire.js'), adaptCode(bare))
}

await main()
