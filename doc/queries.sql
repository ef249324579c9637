-- Questions to a session of heaptop, for sqlite3(1):
--
--     sqlite3 -readonly -header -column FILE.heaptop < doc/queries.sql
--
-- heaptop(5) tells what each table and column means. A session can be asked while it is being written.

.print '-- who was recorded, and how it ended'
SELECT t.pid, t.comm, t.allocator, s.host, datetime((s.started_ns + s.wall_offset_ns) / 1000000000, 'unixepoch') AS started,
       (s.ended_ns - s.started_ns) / 1000000000 AS seconds, s.end_reason
FROM session s JOIN target t;

.print '-- memory by the minute, in MiB'
SELECT strftime('%H:%M', (time_ns + wall_offset_ns) / 1000000000, 'unixepoch') AS utc,
       max(rss_anon + rss_file + rss_shmem) >> 20 AS rss, max(heap_used) >> 20 AS heap, max(live_bytes) >> 20 AS sampled_live,
       max(before_bytes) >> 20 AS before_attach
FROM tick GROUP BY (time_ns + wall_offset_ns) / 60000000000 ORDER BY id;

.print '-- the ten largest sites at the end, with their 95 % interval'
WITH newest AS (
  SELECT stack, max(tick) AS tick FROM stack_tick GROUP BY stack)
SELECT k.site, coalesce(f.func, m.path || printf('+0x%x', f.offset)) AS name, f.file, f.line,
       sum(st.live_bytes) AS live_bytes, round(1.96 * sqrt(sum(st.live_variance))) AS error, sum(st.live_blocks) AS live_blocks
FROM newest n JOIN stack_tick st ON st.stack = n.stack AND st.tick = n.tick
     JOIN stack k ON k.id = n.stack JOIN site s ON s.id = k.site JOIN frame f ON f.id = s.frame
     LEFT JOIN module m ON m.id = f.module
GROUP BY k.site ORDER BY live_bytes DESC LIMIT 10;

.print '-- what grew between the first mark and the end'
WITH mark_tick(t) AS (SELECT coalesce((SELECT tick FROM mark ORDER BY tick LIMIT 1), 0)),
     before AS (SELECT stack, max(tick) AS tick FROM stack_tick, mark_tick WHERE tick <= t GROUP BY stack),
     after AS (SELECT stack, max(tick) AS tick FROM stack_tick GROUP BY stack)
SELECT k.site, f.func, sum(b.live_bytes) - sum(coalesce(a.live_bytes, 0)) AS grown
FROM after n JOIN stack_tick b ON b.stack = n.stack AND b.tick = n.tick
     LEFT JOIN before o ON o.stack = n.stack LEFT JOIN stack_tick a ON a.stack = o.stack AND a.tick = o.tick
     JOIN stack k ON k.id = n.stack JOIN site s ON s.id = k.site JOIN frame f ON f.id = s.frame
GROUP BY k.site ORDER BY grown DESC LIMIT 10;

.print '-- the call stack that holds most, the allocating frame first'
WITH RECURSIVE newest AS (SELECT stack, max(tick) AS tick FROM stack_tick GROUP BY stack),
     top(id) AS (SELECT n.stack FROM newest n JOIN stack_tick st USING (stack, tick) ORDER BY st.live_bytes DESC LIMIT 1),
     walk(depth, id) AS (SELECT 0, id FROM top UNION ALL
                         SELECT depth + 1, k.parent FROM walk JOIN stack k USING (id) WHERE k.parent != 0 AND depth < 1000)
SELECT depth, coalesce(f.func, printf('+0x%x', f.offset)) AS name, f.file, f.line
FROM walk JOIN stack k USING (id) JOIN frame f ON f.id = k.frame ORDER BY depth;

.print '-- how old the live blocks are at the end (sampled blocks, weighted)'
WITH now(t) AS (SELECT max(time_ns) FROM tick)
SELECT CASE WHEN age < 60 THEN '< 1 min' WHEN age < 600 THEN '< 10 min' WHEN age < 3600 THEN '< 1 h' ELSE 'older' END AS age,
       round(sum(size * weight)) AS bytes, count(*) AS samples
FROM (SELECT (t - birth_ns) / 1000000000 AS age, size, weight FROM block, now WHERE death_ns = 0)
GROUP BY 1 ORDER BY min(age);

.print '-- what RSS consisted of at the end, in KiB'
SELECT rss >> 10 AS rss, heap_live >> 10 AS heap, heap_free >> 10 AS free, heap_overhead >> 10 AS overhead, mapped >> 10 AS mapped,
       stacks >> 10 AS stacks, files >> 10 AS files, shared >> 10 AS shared, rest >> 10 AS rest FROM memory ORDER BY tick DESC LIMIT 1;

.print '-- what is left from before the attach, by size class'
SELECT class, bytes, error, began FROM before_class b WHERE tick = (SELECT max(tick) FROM before_class WHERE class = b.class)
ORDER BY bytes DESC LIMIT 10;

.print '-- exact counters by size class'
SELECT class, max(allocated_bytes) AS allocated_bytes, max(allocated_bytes) - max(freed_bytes) AS net_bytes,
       max(allocated_calls) AS calls
FROM class_tick GROUP BY class ORDER BY net_bytes DESC LIMIT 10;

.print '-- what happened, and what is missing'
SELECT tick, datetime((time_ns + (SELECT wall_offset_ns FROM session)) / 1000000000, 'unixepoch') AS utc, text FROM event
UNION ALL
SELECT tick, datetime((from_ns + (SELECT wall_offset_ns FROM session)) / 1000000000, 'unixepoch'), 'gap: ' || why FROM gap
UNION ALL
SELECT tick, datetime((time_ns + (SELECT wall_offset_ns FROM session)) / 1000000000, 'unixepoch'), 'mark: ' || name FROM mark
ORDER BY 1;
