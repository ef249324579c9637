-- The session file of heaptop; heaptop(5) tells what each column means, doc/queries.sql shows how to ask. A format adds
-- tables and changes none of those before.
-- Times are CLOCK_BOOTTIME nanoseconds; add tick.wall_offset_ns for nanoseconds since 1970. Bytes are integers.
-- Ids start at 1; 0 means none. What says "estimate" is a sum over sampled blocks weighted by 1/(1-exp(-size/mean)).

-- format 1

CREATE TABLE session (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version TEXT NOT NULL, host TEXT NOT NULL,
  started_ns INTEGER NOT NULL, wall_offset_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL DEFAULT 0, end_reason TEXT
);

CREATE TABLE target (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  pid INTEGER NOT NULL, start_time INTEGER NOT NULL, uptime_ns INTEGER NOT NULL,
  comm TEXT NOT NULL, exe TEXT NOT NULL, cmdline TEXT NOT NULL, user TEXT NOT NULL,
  allocator TEXT NOT NULL, exact_frees INTEGER NOT NULL,
  limit_bytes INTEGER NOT NULL, limit_source TEXT NOT NULL,
  stop_ns INTEGER NOT NULL, n_hooks INTEGER NOT NULL
);

CREATE TABLE module (id INTEGER PRIMARY KEY, path TEXT NOT NULL, build_id TEXT NOT NULL);

CREATE TABLE frame (
  id INTEGER PRIMARY KEY, module INTEGER NOT NULL, offset INTEGER NOT NULL,
  func TEXT, file TEXT, line INTEGER NOT NULL, inlined_in INTEGER NOT NULL, flags INTEGER NOT NULL,
  tick INTEGER NOT NULL -- when this row was last written
);
CREATE INDEX frame_by_tick ON frame (tick);

CREATE TABLE stack (
  id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, frame INTEGER NOT NULL, site INTEGER NOT NULL,
  tick INTEGER NOT NULL
);
CREATE INDEX stack_by_tick ON stack (tick);

CREATE TABLE site (id INTEGER PRIMARY KEY, frame INTEGER NOT NULL, first_ns INTEGER NOT NULL);

CREATE TABLE tick (
  id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, wall_offset_ns INTEGER NOT NULL,
  rss_anon INTEGER NOT NULL, rss_file INTEGER NOT NULL, rss_shmem INTEGER NOT NULL,
  vm_size INTEGER NOT NULL, threads INTEGER NOT NULL,
  heap_used INTEGER NOT NULL, heap_free INTEGER NOT NULL, heap_exact INTEGER NOT NULL,
  allocated_bytes INTEGER NOT NULL, allocated_calls INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL, freed_calls INTEGER NOT NULL,
  before_bytes INTEGER NOT NULL, before_error INTEGER NOT NULL, before_upper_bound INTEGER NOT NULL,
  live_bytes INTEGER NOT NULL, live_variance REAL NOT NULL,
  mean INTEGER NOT NULL, samples INTEGER NOT NULL, lost_samples INTEGER NOT NULL,
  recorder_cpu_ns INTEGER NOT NULL, recorder_rss INTEGER NOT NULL, probe_cost_ns INTEGER NOT NULL
);

CREATE TABLE stack_tick ( -- only stacks that changed in the tick; absolute values
  tick INTEGER NOT NULL, stack INTEGER NOT NULL,
  live_bytes INTEGER NOT NULL, live_blocks INTEGER NOT NULL,
  born_bytes INTEGER NOT NULL, born_blocks INTEGER NOT NULL,
  live_samples INTEGER NOT NULL, born_samples INTEGER NOT NULL, live_variance REAL NOT NULL,
  PRIMARY KEY (stack, tick)
) WITHOUT ROWID;
CREATE INDEX stack_tick_by_tick ON stack_tick (tick);

CREATE TABLE class_tick ( -- exact counters of the size classes that changed; absolute values
  tick INTEGER NOT NULL, class INTEGER NOT NULL,
  allocated_bytes INTEGER NOT NULL, allocated_calls INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL, freed_calls INTEGER NOT NULL,
  PRIMARY KEY (class, tick)
) WITHOUT ROWID;

CREATE TABLE site_state (tick INTEGER NOT NULL, site INTEGER NOT NULL, class INTEGER NOT NULL,
  PRIMARY KEY (site, tick)) WITHOUT ROWID;
CREATE INDEX site_state_by_tick ON site_state (tick);

CREATE TABLE block (
  id INTEGER PRIMARY KEY, stack INTEGER NOT NULL, tid INTEGER NOT NULL,
  size INTEGER NOT NULL, weight REAL NOT NULL,
  birth_ns INTEGER NOT NULL, death_ns INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX block_by_stack ON block (stack);

CREATE TABLE mark (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, time_ns INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE event (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, time_ns INTEGER NOT NULL,
  kind INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE gap (id INTEGER PRIMARY KEY, tick INTEGER NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
  lost_samples INTEGER NOT NULL, why TEXT NOT NULL);
CREATE TABLE request (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT, number INTEGER NOT NULL,
  asked_ns INTEGER NOT NULL, tick INTEGER NOT NULL DEFAULT 0 -- 0 = not answered yet
);

CREATE TABLE thinned ( -- below upto_tick, at most the last row in each `bucket` ticks is left (and those of marks)
  bucket INTEGER PRIMARY KEY, upto_tick INTEGER NOT NULL);

-- format 2

CREATE TABLE site_kind (site INTEGER PRIMARY KEY, kind INTEGER NOT NULL); -- sites that are no heap sites: 1 = mapped memory

CREATE TABLE memory ( -- what RSS consists of, by the last look at all mappings; heap_live to rest add up to rss
  tick INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, look_ns INTEGER NOT NULL, mappings INTEGER NOT NULL,
  rss INTEGER NOT NULL,
  heap_live INTEGER NOT NULL, heap_free INTEGER NOT NULL, heap_overhead INTEGER NOT NULL, heap_split INTEGER NOT NULL,
  mapped INTEGER NOT NULL, stacks INTEGER NOT NULL, files INTEGER NOT NULL, shared INTEGER NOT NULL, rest INTEGER NOT NULL,
  untouched INTEGER NOT NULL, swapped INTEGER NOT NULL
);

CREATE TABLE before_class ( -- what is left in blocks from before the attach, by size class; only classes that changed
  tick INTEGER NOT NULL, class INTEGER NOT NULL,
  bytes INTEGER NOT NULL, error INTEGER NOT NULL, began INTEGER NOT NULL,
  PRIMARY KEY (class, tick)
) WITHOUT ROWID;

CREATE TABLE class_mean ( -- size classes that are sampled with a mean of their own, when it changes; 0 = like the rest again
  tick INTEGER NOT NULL, class INTEGER NOT NULL, mean INTEGER NOT NULL,
  PRIMARY KEY (class, tick)
) WITHOUT ROWID;

CREATE TABLE process ( -- who was recorded; after exec() a process is another one with the same pid
  id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, parent INTEGER NOT NULL, came INTEGER NOT NULL,
  comm TEXT NOT NULL, exe TEXT NOT NULL, allocator TEXT NOT NULL,
  started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL -- 0 = it had not ended
);

CREATE TABLE process_tick ( -- each process where there are several, when it changes; absolute values
  tick INTEGER NOT NULL, process INTEGER NOT NULL,
  rss_anon INTEGER NOT NULL, rss_file INTEGER NOT NULL, rss_shmem INTEGER NOT NULL, threads INTEGER NOT NULL,
  heap_used INTEGER NOT NULL, heap_free INTEGER NOT NULL,
  allocated_bytes INTEGER NOT NULL, allocated_calls INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL, freed_calls INTEGER NOT NULL,
  before_bytes INTEGER NOT NULL, live_bytes INTEGER NOT NULL, samples INTEGER NOT NULL,
  PRIMARY KEY (process, tick)
) WITHOUT ROWID;

-- format 3

CREATE TABLE source_file ( -- what debug information says of the source files of a module's frames; 0, '' = it does not say
  module INTEGER NOT NULL, path TEXT NOT NULL,
  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, md5 TEXT NOT NULL,
  PRIMARY KEY (module, path)
) WITHOUT ROWID;

CREATE TABLE module_file ( -- the file a module was when it was read
  module INTEGER PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);

CREATE TABLE naming ( -- how far naming has come, when that changes
  tick INTEGER PRIMARY KEY, asked INTEGER NOT NULL, named INTEGER NOT NULL, waiting INTEGER NOT NULL,
  fetched_bytes INTEGER NOT NULL, fetching TEXT NOT NULL
);

-- format 4

CREATE TABLE series ( -- a service that was followed over restarts: which of its sessions this is
  id INTEGER PRIMARY KEY CHECK (id = 1),
  followed TEXT NOT NULL, number INTEGER NOT NULL, previous TEXT NOT NULL
);

CREATE TABLE ending ( -- how the target ended; no row = the recording ended before it
  id INTEGER PRIMARY KEY CHECK (id = 1),
  time_ns INTEGER NOT NULL, how INTEGER NOT NULL, code INTEGER NOT NULL,
  oom_before INTEGER NOT NULL, oom_after INTEGER NOT NULL, oom_source TEXT NOT NULL,
  sample_ns INTEGER NOT NULL, heap_bytes INTEGER NOT NULL, rss_bytes INTEGER NOT NULL
);

CREATE TABLE thread ( -- what the threads are called that allocated sampled blocks: when first seen, and when it changes
  tick INTEGER NOT NULL, tid INTEGER NOT NULL, comm TEXT NOT NULL,
  PRIMARY KEY (tick, tid)
) WITHOUT ROWID;
