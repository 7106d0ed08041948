/** Where a store is, as far as one store knows. The version is the named store's own counter; 0 is a first guess. */
export interface AddressEntry {
  address: string
  version: number
  /** What this store's options said last. */
  configured: string
}

export function unknownAddress(): AddressEntry {
  return { address: '', version: 0, configured: '' }
}

/**
 * What the options say counts once: as a first guess, and when an operator has changed it since the last start. True when
 * the entry has changed.
 */
export function configureAddress(entry: AddressEntry, address: string): boolean {
  if (entry.configured === address) return false
  entry.configured = address
  if (entry.address === address) return true
  entry.version += entry.address === '' ? 0 : 1
  entry.address = address
  return true
}

/** An operator's word: newer than all that is known. True when the address is another. */
export function changeAddress(entry: AddressEntry, address: string): boolean {
  if (entry.address === address) return false
  entry.address = address
  entry.version++
  return true
}

/** Far above any real count; numbers on the wire end at 2^53. */
const MAX_VERSION = 2 ** 48

/** Word of another store: counts when it is newer, or as new and from the one who owns the address. True when it counted. */
export function learnAddress(
  entry: AddressEntry,
  address: string,
  version: number,
  fromOwner: boolean,
): boolean {
  if (address === '' || version < entry.version || version > MAX_VERSION) return false
  const first = entry.address === ''
  if (version === entry.version && !first && (!fromOwner || entry.address === address)) return false
  const changed = entry.address !== address || entry.version !== version
  entry.address = address
  entry.version = version
  return changed
}

/** What others say of our own address: when they know better than we, our own word must be newer than theirs. */
export function outbid(own: AddressEntry, address: string, version: number): boolean {
  if (version > MAX_VERSION || version < own.version || (version === own.version && address === own.address))
    return false
  own.version = address === own.address ? version : version + 1
  return true
}
