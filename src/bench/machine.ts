import { statfs } from 'node:fs/promises'
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os'

/** Figures mean nothing without the machine they were taken on. */
export interface MachineInfo {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
  /** The stores' directories lie under it. */
  readonly dataDir: string
  /** True when that directory is memory: its fsync costs nothing, and every figure flatters. */
  readonly dataDirInMemory: boolean
}

const TMPFS_MAGIC = 0x01021994
const RAMFS_MAGIC = 0x858458f6

export async function machineInfo(): Promise<MachineInfo> {
  const list = cpus()
  return {
    cpu: list[0]?.model.trim() ?? 'unknown',
    cores: list.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    dataDir: tmpdir(),
    dataDirInMemory: await isInMemory(tmpdir()),
  }
}

async function isInMemory(dir: string): Promise<boolean> {
  if (platform() !== 'linux') return false
  const { type } = await statfs(dir)
  return type === TMPFS_MAGIC || type === RAMFS_MAGIC
}
