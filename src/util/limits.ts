/**
 * Every bound of the engine, with its reason. A queue, cache or loop without a line here is a bug.
 */
const KIB = 1024
const MIB = 1024 * KIB

/** Entries in one block: a block is the unit of disk and wire; past this a bigger one gains nothing (measured). */
export const MAX_BLOCK_ENTRIES = 1024
/** Payload bytes in one block; a single larger entry is alone in its block. Keeps a frame's latency bounded. */
export const MAX_BLOCK_BYTES = 1 * MIB
/** A single entry: the largest KV batch (4 MiB) with its keys and headers. */
export const MAX_ENTRY_BYTES = 5 * MIB

/** KV limits that users see. */
export const MAX_KEY_BYTES = 4 * KIB
export const MAX_VALUE_BYTES = 1 * MIB
export const MAX_BATCH_BYTES = 4 * MIB
/** A keyspace's name is a prefix of every one of its keys. */
export const MAX_KEYSPACE_NAME_BYTES = 255
/** Static regions of one cluster's key space; each is a Raft group. */
export const MAX_REGIONS = 4096

/** A group's name travels in alias definitions and forwards. */
export const MAX_GROUP_ID_BYTES = 255
/** A configuration is carried in one block and in every vote request's hash; Raft gains nothing from more voters. */
export const MAX_MEMBERS = 31
/** createGroups: one message per member carries them all. */
export const MAX_GROUPS_PER_CALL = 10_000

/** A control frame: votes, heartbeats, acks, reads. Small, so that liveness never queues behind data. */
export const MAX_CONTROL_FRAME_BYTES = 64 * KIB
/** A bulk frame holds up to this, or one larger block with its message. */
export const MAX_BULK_FRAME_BYTES = 1 * MIB
/** What a receiver accepts at most: the largest entry in its block in a frame of its own. */
export const MAX_FRAME_BYTES = MAX_ENTRY_BYTES + 64 * KIB
/** Bytes of control messages that may wait for a connection's socket; past it the sender is told BUSY. */
export const MAX_CONTROL_QUEUE_BYTES = 8 * MIB
/** Un-acked bulk bytes per store pair: a slow disk fills the leader's window, never the socket. */
export const MAX_BULK_IN_FLIGHT_BYTES = 32 * MIB
/** Bytes of append messages, their blocks left out, that wait per store pair; past it replicators wait for the socket. */
export const MAX_APPEND_QUEUE_BYTES = 32 * MIB
/** Bytes of forwarded proposals (and their answers) waiting per store pair. */
export const MAX_FORWARD_QUEUE_BYTES = 32 * MIB
/** Calls forwarded to one store and not yet answered. */
export const MAX_FORWARD_IN_FLIGHT = 65_536
/** A connection must finish its handshake in this time. */
export const HANDSHAKE_TIMEOUT_MS = 5_000
/** Connections that have not finished their handshake: strangers must not crowd out peers. */
export const MAX_PENDING_HANDSHAKES = 256
/** Reconnect back-off: first and largest pause. The largest is short: a returning store must be heard soon. */
export const RECONNECT_MIN_MS = 50
export const RECONNECT_MAX_MS = 1_000
/** Heartbeat frames per store pair that are kept to match their answers. */
export const MAX_HEARTBEATS_IN_FLIGHT = 128
/** Groups in one heartbeat message: its answer fits a control frame even when every group is an exception. */
export const MAX_HEARTBEAT_SUBJECTS = 2_048
/** Aliases defined on one connection: one per live replica. The sender starts the link anew at three quarters. */
export const MAX_ALIASES_PER_CONNECTION = 1_000_000
/** Addresses of other stores in one handshake, and bytes of each: it must fit one control frame. */
export const MAX_HELLO_ADDRESSES = 128
export const MAX_ADDRESS_BYTES = 255
export const MAX_HELLO_ADDRESS_BYTES = 32 * KIB
/** Bytes of the random text that names a data directory's life. */
export const MAX_INCARNATION_BYTES = 64
/** Starts of a directory that it remembers by their processes: 8 KB at most, and more than any peer misses. */
export const MAX_REMEMBERED_STARTS = 512
/** Other stores that one store remembers: each costs a line in a file that is written whole. */
export const MAX_KNOWN_STORES = 1_024
/** How long what was heard of other stores (flush numbers, addresses) may wait before it is on disk. */
export const PEER_MEMORY_SAVE_MS = 3_000
/** Cold calls to one store without their answers, and calls of one store that are being served. */
export const MAX_CALLS_IN_FLIGHT = 4_096
/** Stores and clients known to one multiplexer. */
export const MAX_LINKS = 4_096
/** How often deadlines of calls and handshakes are looked at, while there are any. */
export const RPC_SWEEP_MS = 50
/** A link over which nothing has come for this long (or ten heartbeats, if longer) is half-open: it is dialed anew. */
export const LINK_SILENCE_MS = 5_000
/** A connection whose socket has taken nothing for this long is stuck. */
export const SOCKET_STALL_MS = 30_000
/** Bytes written to one socket at once; the rest waits for its drain, so that progress can be seen. */
export const MAX_SOCKET_WRITE_BYTES = 4 * MIB

/** Un-acked appends per replicator, in messages and bytes. */
export const MAX_APPENDS_IN_FLIGHT = 256
export const MAX_APPEND_BYTES_IN_FLIGHT = 8 * MIB
/** Bytes of blocks in one append message read back from disk for a follower that lags. */
export const MAX_CATCH_UP_READ_BYTES = 1 * MIB

/** Calls that wait in one group (proposed, not settled). */
export const MAX_PENDING_TASKS_PER_GROUP = 65_536
/**
 * Bytes proposed in one group and not settled: what a leader that reaches no quorum can pile up on its disk, and must send to
 * everybody afterwards.
 */
export const MAX_PENDING_TASK_BYTES_PER_GROUP = 16 * MIB
/** Reads that wait in one group. */
export const MAX_PENDING_READS_PER_GROUP = 65_536
/** Log blocks kept in memory: per group, and for all groups of a store. Not yet durable or applied blocks count too. */
export const MAX_LOG_CACHE_BYTES_PER_GROUP = 16 * MIB
export const MAX_LOG_CACHE_BYTES_PER_STORE = 256 * MIB
/**
 * Shares of these caches past which durable blocks are given up: applied ones, and ones that wait to be applied. What is
 * free then holds the largest entry, so that a log never waits for itself.
 */
export const LOG_CACHE_APPLIED_SHARE = 1 / 2
export const LOG_CACHE_DURABLE_SHARE = 5 / 8

/** Bytes posted to a shard's worker and not yet durable. Past it appends are refused: BUSY. */
export const MAX_SHARD_QUEUE_BYTES = 128 * MIB
/** Bytes in one WriteBatch: bounds the time of one flush. */
export const MAX_FLUSH_BYTES = 8 * MIB
/** Flushes posted to the worker at once: one on the disk, one ready behind it. */
export const MAX_POSTED_FLUSHES = 2
/** Blocks the worker keeps to apply without reading them back. */
export const MAX_WORKER_BLOCK_CACHE_BYTES = 64 * MIB
/** Bytes of rows in one WriteBatch of the data RocksDB, about; and what one apply message takes of each group. */
export const MAX_APPLY_BATCH_BYTES = 4 * MIB
/**
 * Rows that are applied and not yet written: as many gather in a part while another is being written. In sorted batches of
 * so many a row costs RocksDB 1.7 µs, of 400 it costs 4.3, and larger ones gain no more (measured).
 */
export const MAX_UNWRITTEN_ROWS = 65_536
/** What is applied is written after this time at the latest: so long a time a start replays after a crash. */
export const MAX_UNWRITTEN_MS = 1_000
/** Rows put into a batch before a waiting flush goes first: half a millisecond. */
export const WRITE_YIELD_ROWS = 1_024
/** Places of the table of unwritten rows looked at for one row: no chance makes keys share more. Those that do are written soon. */
export const MAX_ROW_PROBES = 128
/** Buffers kept to encode rows of the KV state, one of each length up to this: short ones are many, long ones seldom. */
export const MAX_SCRATCH_BYTES = 256
/** Write buffer of both RocksDBs (ARCHITECTURE: write amplification 2 to 5 at 64 MiB, 12 at 4 MiB). */
export const ROCKS_WRITE_BUFFER_BYTES = 64 * MIB
/** A log that grew by this much is looked at for what may go of it: one write buffer. Sooner with a small budget. */
export const TRUNCATE_AFTER_BYTES = ROCKS_WRITE_BUFFER_BYTES
/** Bytes of logs that a store keeps for followers that lag, unless its options say otherwise; and the least it may say. */
export const DEFAULT_MAX_LOG_BYTES = 4 * 1024 * MIB
export const MIN_MAX_LOG_BYTES = 1 * MIB
/** How often it is looked at how far the logs have grown. */
export const TRUNCATION_LOOK_MS = 200
/** Flush numbers are kept for this many write buffers' worth of flushed bytes, so that a hole is seen. */
export const FLUSH_NUMBER_WINDOW_BYTES = 4 * ROCKS_WRITE_BUFFER_BYTES
/** Keys in one getMany: bounds the time a read holds the worker. */
export const MAX_GET_MANY_KEYS = 4_096
/** Rows or bytes in one page of a scan. */
export const MAX_SCAN_PAGE_ROWS = 1_000
export const MAX_SCAN_PAGE_BYTES = 1 * MIB
/** Scans open at once in a shard: each pins a RocksDB snapshot. */
export const MAX_OPEN_SCANS = 256
/** Digests at an index to come that a shard keeps waiting: each client that compares replicas has a few; left ones go first. */
export const MAX_AWAITED_DIGESTS = 64
/** Blocks read at once on recovery. */
export const RECOVERY_READ_BLOCKS = 256

/** A store that closes waits this long for its disks to take what was handed to them, and abandons them then. */
export const MAX_SHARD_CLOSE_MS = 60_000
/** A store that closes waits this long for what its users' state machines are doing, and goes without them then. */
export const MAX_STATE_MACHINE_CLOSE_MS = 10_000

/** Shards of a store: each costs a thread and an fsync stream. */
export const MAX_SHARDS = 64
/** The wheel: one tick, and its slots. A timer longer than tick × slots goes round. */
export const WHEEL_TICK_MS = 10
export const WHEEL_SLOTS = 512

/** Bytes that a socket buffers before `write` asks its caller to wait: one bulk frame, so that the next is ready. */
export const SOCKET_HIGH_WATER_BYTES = 1 * MIB
/** Un-synced batches that a crash of the in-memory disk may still lose; older ones count as written back. */
export const MAX_MEMORY_DISK_UNSYNCED = 4_096
/** Write-ahead log of a database in memory before it becomes a table: small, so that tests see many of both. */
export const MEMORY_WRITE_BUFFER_BYTES = 128 * KIB
/** Tables of such a database that lie apart before they are merged into the others, as many as RocksDB has. */
export const MEMORY_NEW_TABLES = 4

/** What a write costs in RocksDB's memtable and log beside its key and value, about: so small writes fill the window too. */
export const FLUSH_NUMBER_OVERHEAD_BYTES = 128
/** What a cached block costs the worker beside its bytes, about: so tiny blocks do not fill the heap. */
export const WORKER_BLOCK_OVERHEAD_BYTES = 256
/** Bytes of block bodies read at once on recovery, about. */
export const RECOVERY_READ_BYTES = 16 * MIB
/**
 * Blocks that one plan takes off the beginnings of logs, about: a flush must not be held up by deletes (0.7 to 1.5 µs each,
 * measured). And what each log in it counts for beside its blocks, for its record is written too.
 */
export const MAX_TRUNCATED_BLOCKS_PER_PASS = 2_048
export const TRUNCATED_LOG_COST_BLOCKS = 8
/** Blocks of one getMany of the log while the shard works: bounds what a read may hold in memory. */
export const LOG_READ_BLOCKS = 8
/** How often a log read starts anew because the log was cut meanwhile. */
export const MAX_LOG_READ_RETRIES = 8
/** Bytes of commands the worker decodes before it lets a waiting flush go first. */
export const APPLY_YIELD_BYTES = 256 * KIB
/** Configurations mirrored in a replica's record: at most one is uncommitted, the older ones are history. */
export const MAX_MIRRORED_CONFIGURATIONS = 32
/** Keys of reads that wait for a shard's worker, and their bytes; past it a read is refused: BUSY. */
export const MAX_SHARD_PENDING_READ_KEYS = 262_144
export const MAX_SHARD_PENDING_READ_BYTES = 64 * MIB
/** Reads of the log that a shard's worker has at once, each of up to a catch-up's bytes; the others wait their turn. */
export const MAX_SHARD_BLOCK_READS = 32
/** Scans' pages and digests that wait for a shard's worker. */
export const MAX_SHARD_PENDING_CALLS = 4_096

/** Events that wait in a simulated world: far above any real run, so that a runaway loop ends with an error. */
export const MAX_SIM_QUEUED_EVENTS = 2_000_000
/** Events of one `run` unless its caller says otherwise. */
export const MAX_SIM_STEPS = 50_000_000
/** The newest events of a simulated world kept for its failure report, and how many of them the report prints. */
export const MAX_SIM_EVENT_LOG = 4_096
export const MAX_SIM_REPORT_LINES = 60
/** Log records kept per simulated process, newest last. */
export const MAX_SIM_LOG_RECORDS = 4_096
/** Values of one message that go into the trace hash: bounds the cost of a step. */
export const MAX_SIM_HASHED_VALUES = 512
/** Objects of a message that a simulated thread copies by itself: each is looked for among all before it. */
export const MAX_SIM_CLONED_PARTS = 64
/** What the simulated system takes from a socket and its peer has not read yet; the rest is `bufferedBytes`. */
export const SIM_SOCKET_SYSTEM_BYTES = 256 * KIB
/** Events of one run that are kept to be compared with those of its second run. */
export const MAX_SIM_TAPE = 5_000_000
/** Runs that making one failing run smaller takes at most. */
export const MAX_MINIMIZE_RUNS = 200
/** Older contents of each simulated disk that are kept to be put back: whole copies. */
export const MAX_SIM_DISK_IMAGES = 4
/** Calls of clients that a simulated run records. */
export const MAX_SIM_HISTORY = 1_000_000
/** Log entries that a simulated run's checker remembers: far above any real run. */
export const MAX_GHOST_ENTRIES = 5_000_000
/** Operations that one check of a history tries: minutes at most. Past it the answer is undecided, never ok. */
export const MAX_CHECKER_STEPS = 200_000_000
/** What a check of a history remembers of what it has tried, in words of 32 bits: 512 MiB. Past it: undecided. */
export const MAX_CHECKER_MEMO_WORDS = 128 * MIB
/** The largest piece that one simulated `onData` brings, as libuv reads. */
export const SIM_SEGMENT_BYTES = 64 * KIB

/** Calls of one router that wait: for an answer, a leader, or their next try. Past it a call is refused: BUSY. */
export const MAX_CLIENT_CALLS = 262_144
/** Payload bytes of calls that no replica holds yet: they wait for a leader to be known. */
export const MAX_WAITING_CALL_BYTES = 64 * MIB
/** Locations of groups of other stores that a router remembers; the oldest goes first. */
export const MAX_CACHED_LOCATIONS = 65_536
/** Groups asked for in one locate call. */
export const MAX_LOCATE_GROUPS = 1_000
/** Time that a caller waits when it does not say: some elections long. */
export const DEFAULT_CALL_TIMEOUT_MS = 5_000
/** The longest time a caller may ask for. */
export const MAX_CALL_TIMEOUT_MS = 24 * 60 * 60 * 1000
/** Pauses between tries of a call that was certainly not done: first and largest. */
export const RETRY_MIN_MS = 10
export const RETRY_MAX_MS = 200
/** The sweep over waiting calls: one tick, and its slots; a longer wait goes round. */
export const CALL_TICK_MS = 10
export const CALL_SLOTS = 1_024

/** Clients connected to one store: each costs two sockets and their buffers. What is left of MAX_LINKS is for stores. */
export const MAX_CLIENTS_PER_STORE = 1_024
/** Addresses that a client is given to begin with: each is asked until it answers. */
export const MAX_CLIENT_SEEDS = 64
/** Time that `Client.connect` takes at most when its caller does not say: a store that is starting may come up meanwhile. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
/** A client that has found one store waits this much longer for the others, so that its first calls find them all. */
export const CONNECT_GRACE_MS = 300
/** How often a client says that it is alive: seldom enough to cost nothing, often enough for LINK_SILENCE_MS. */
export const CLIENT_HEARTBEAT_MS = 500
/** How often replicas that are waited for are looked at while they are compared: a group at rest will not move them on. */
export const VERIFY_LOOK_MS = 500
/** An index that is more looks away than this, as fast as the group moves now, is not waited for. */
export const VERIFY_LOOKS = 8
/** So many looks ahead replicas are compared at most: what is further away takes longer to come than a look is late. */
export const MAX_VERIFY_AHEAD = 64
/** How often a client asks a store for the addresses and regions that it knows; sooner when one is missing. */
export const CLIENT_REFRESH_MS = 10_000
/** A question about a store waits this long for its link, unless the last dial has failed already. */
export const MAX_LINK_WAIT_MS = 1_000
/** Bytes of one answer of a list that goes on in the next: regions, replicas. */
export const MAX_LIST_ANSWER_BYTES = 1 * MIB
/** Views that scans of one other store or client keep open here, and all of them: they share MAX_OPEN_SCANS with our own. */
export const MAX_REMOTE_VIEWS_PER_PEER = 64
export const MAX_REMOTE_VIEWS = 192
/** A view that nobody has read from for this long is closed: it pins a RocksDB snapshot. */
export const REMOTE_VIEW_IDLE_MS = 60_000
/** Time that the replicas of a group get to arrive at one applied index, when its caller does not say. */
export const DEFAULT_VERIFY_TIMEOUT_MS = 30_000

/** Arguments of one group: they lie in its record and travel in every creation. */
export const MAX_GROUP_ARGS_BYTES = 64 * KIB
/** A group's type, a store's and a cluster's name. */
export const MAX_NAME_BYTES = 255
/** Groups, and bytes of them, in one createGroups message. */
export const MAX_CREATE_GROUPS = 1_000
export const MAX_CREATE_BYTES = 1 * MIB
/** Bytes of values in one answer to another store's read; what does not fit is asked for again. */
export const MAX_READ_ANSWER_BYTES = 4 * MIB
/** How often a leader sends a store the groups that it misses, at most. */
export const MISSING_REPLICA_INTERVAL_MS = 250
/** Bounds of the election timeout: below it a turn of the event loop decides, above it a failover takes too long. */
export const MIN_ELECTION_TIMEOUT_MS = 50
export const MAX_ELECTION_TIMEOUT_MS = 60_000
/** How often the ledger is synced: a power cut may take the memory of the flushes since, and no more. */
export const LEDGER_SYNC_MS = 1_000
/** Bytes read at once of a table that is checked, unless a block is larger: one call per block costs more than its CRC. */
export const TABLE_READ_BYTES = 1 * MIB
/** The largest record of a MANIFEST that is read: the first names all tables, 100 bytes for each, far below this. */
export const MAX_MANIFEST_RECORD_BYTES = 64 * MIB
/** The largest index of a table that is unpacked to check its blocks: far above that of the largest table. */
export const MAX_TABLE_INDEX_BYTES = 64 * MIB
/**
 * Tables of the key-value state that a start checks: seconds at most. It begins with a random one, so that each has its
 * turn; damage elsewhere is found when it is read.
 */
export const MAX_STATE_CHECK_BYTES = 2 * 1024 * MIB
/** Keyspaces that an inspection of a stopped store tells apart in one region; the keys of others are only counted. */
export const INSPECT_MAX_KEYSPACES = 1_000
/** Replicas that an inspection asks a damaged log for, one by one. */
export const INSPECT_MAX_SLOTS = 1_000_000
