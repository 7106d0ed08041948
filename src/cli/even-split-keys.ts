/** Printable characters, in the order of their bytes. */
const FIRST = 0x20
const CHARACTERS = 0x7f - FIRST

/** `regions - 1` keys that cut the keys of two printable characters and more into even parts, ascending. */
export function evenSplitKeys(regions: number): string[] {
  return Array.from({ length: regions - 1 }, (_, i) => {
    const place = Math.floor(((i + 1) * CHARACTERS ** 2) / regions)
    return String.fromCharCode(FIRST + Math.floor(place / CHARACTERS), FIRST + (place % CHARACTERS))
  })
}
