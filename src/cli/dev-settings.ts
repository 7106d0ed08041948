/** Where `flotilla dev` listens when it is told nothing, and where commands look for a cluster when they are told nothing. */
export const DEV_HOST = '127.0.0.1'
/** Of the first store; the others follow. */
export const DEV_PORT = 7101
export const DEV_STORES = 3
export const DEV_GROUPS = 16
/** More would be slower and show nothing new. */
export const MAX_DEV_STORES = 9
export const MAX_DEV_GROUPS = 1024
