import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * Different ports of `host` that are free now. They are not held: every store must know all addresses before any of them
 * listens, so whoever uses them must be ready for another process to have been faster.
 */
export async function findFreePorts(count: number, host: string): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  try {
    await Promise.all(
      servers.map(async (server) => {
        server.listen(0, host)
        await once(server, 'listening')
      }),
    )
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}
