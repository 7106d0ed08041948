import { isWildcard } from '../rpc/handshake.ts'
import { FlotillaError } from '../util/errors.ts'

/** 'host:port' or '[v6]:port'; port 0 is one. Throws INVALID_ARGUMENT. */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new FlotillaError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(address)} is not an address: give host:port`,
    )
  }
  return { host: (match[1] ?? match[2])!, port }
}

/** The store's own entry in the address book, when others can dial it; it may differ from where the store listens. */
export function dialable(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const { host, port } = splitAddress(address)
  return port === 0 || isWildcard(host) ? undefined : address
}
