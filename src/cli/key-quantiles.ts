import type { TreeFile } from './file-tree.ts'

/** What writing a key costs beside its bytes, about, so that a region of many small files is not the slowest. */
const COST_PER_KEY = 1024

export interface RegionPlan {
  /** `regions - 1` keys, strictly ascending: region i holds the keys from splitKeys[i - 1] up to splitKeys[i]. */
  readonly splitKeys: readonly Buffer[]
  /** Positions of the files in an order that keeps all regions busy from beginning to end. */
  readonly order: Uint32Array
}

/** Cuts sorted files into regions of about the same load. */
export function planRegions(files: readonly TreeFile[], regions: number): RegionPlan {
  const costs = files.map((file) => file.size + COST_PER_KEY)
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  const firsts = [0]
  let before = 0
  for (let i = 0; i < files.length && firsts.length < regions; i++) {
    if (i > firsts.at(-1)! && before >= (total * firsts.length) / regions) firsts.push(i)
    before += costs[i]!
  }
  return { splitKeys: splitKeysAt(files, firsts, regions), order: interleave(costs, firsts) }
}

function splitKeysAt(files: readonly TreeFile[], firsts: readonly number[], regions: number): Buffer[] {
  const keys = firsts.slice(1).map((first) => Buffer.from(files[first]!.key))
  // With fewer files than regions the rest stay empty, behind the last key.
  let last = Buffer.from(files.at(-1)?.key ?? '')
  while (keys.length < regions - 1) {
    last = Buffer.concat([last, Buffer.from([0])])
    keys.push(last)
  }
  return keys
}

/** Each file stands at the share of its region's cost that lies before it; so all regions end together. */
function interleave(costs: readonly number[], firsts: readonly number[]): Uint32Array {
  const places = new Float64Array(costs.length)
  firsts.forEach((first, region) => {
    const end = firsts[region + 1] ?? costs.length
    let before = 0
    for (let i = first; i < end; i++) {
      places[i] = before
      before += costs[i]!
    }
    for (let i = first; i < end; i++) places[i]! /= before
  })
  return Uint32Array.from(costs.keys()).sort((a, b) => places[a]! - places[b]! || a - b)
}
