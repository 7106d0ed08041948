/**
 * What a crash leaves of writes that no sync covered. `process`: the system lives and has them all. `power`: they are cut
 * at a random byte. `lose-unsynced`: none is left, the worst cut. `holes`: each page of them survives or not by itself; an
 * engine that does not check its write-ahead log before it opens it passes over the holes.
 */
export type CrashMode = 'process' | 'power' | 'lose-unsynced' | 'holes'
