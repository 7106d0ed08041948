/** The cluster that the demo shows. */
export const STORE_IDS: readonly string[] = ['s1', 's2', 's3']
export const REGIONS = 16
export const KEYSPACE = 'files'
export const HOST = '127.0.0.1'
