const MIB = 1024 * 1024
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** 1234567 → '1,234,567', whatever the machine's language. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** '812 B', '3.4 KiB', '64 MiB'. */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`
}

/** '0.84 ms', '12.3 ms', '420 ms', '1.42 s', '34.5 s'. */
export function formatMs(ms: number): string {
  if (ms < 9.995) return `${ms.toFixed(2)} ms`
  if (ms < 99.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${ms.toFixed(0)} ms`
  return ms < 9_995 ? `${(ms / 1_000).toFixed(2)} s` : `${(ms / 1_000).toFixed(1)} s`
}

/** '812 writes/s, 9.1 MiB/s'. */
export function formatRate(writesPerSecond: number, bytesPerSecond: number): string {
  return `${formatCount(writesPerSecond)} writes/s, ${(bytesPerSecond / MIB).toFixed(1)} MiB/s`
}

/** '1 file', '2 files'. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Names of files may hold anything; what reaches a terminal must not move its cursor. */
export function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the very characters that must not get out
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
