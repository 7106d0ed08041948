import { sha256 } from '../env/node-disk.ts'
import type { Disk } from '../env/ports.ts'
import type { SimDisk } from './disk.ts'
import { SimEngine } from './engine.ts'
import { SimFiles } from './files.ts'
import type { SimLoop } from './loop.ts'

/** The disk as the code on `loop` sees it. */
export function diskPort(disk: SimDisk, loop: SimLoop): Disk {
  return {
    engine: new SimEngine(disk, loop),
    files: new SimFiles(disk, loop),
    clock: loop.clock,
    timers: loop.timers,
    random: disk.random.fork(`thread/${loop.name}`),
    hash: sha256,
    setImmediate: (callback) => loop.setImmediate(callback),
  }
}
