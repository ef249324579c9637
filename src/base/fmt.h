/* fmt: numbers and durations as people read and write them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { FMT_MAX = 32 }; /* room that every fmt_* result fits in */

/* Three digits and a binary unit, at most 5 cells: "0", "812", "8.4K", "212M", "1.91G", "6.1G". RET has
 * FMT_MAX bytes and is returned. */
const char *fmt_bytes(char *ret, uint64_t bytes);

/* The same with a sign: "+118M", "-11M", "0". */
const char *fmt_change(char *ret, int64_t bytes);

/* A rate: "+2.0M", "0.0", "-0.2M"; always in M (MiB) below 1000M so that a column compares by eye. */
const char *fmt_rate(char *ret, double bytes);

/* Counts in decimal thousands: "16", "1.0k", "1.74M". */
const char *fmt_count(char *ret, uint64_t n);

/* "4s", "41m", "1h2m", "6d4h". */
const char *fmt_duration(char *ret, uint64_t ns);

/* The local time of day "13:41:07" of WALL_NS (nanoseconds since 1970). */
const char *fmt_clock(char *ret, int64_t wall_ns);

/* "512K", "1.5G", "1e9", "4096" (binary units) into bytes. Returns 0 or -EINVAL, also when it does not fit. */
int fmt_parse_size(const char *text, uint64_t *ret);

/* "30s", "10m", "1h30m", "500ms", "45" (seconds) into nanoseconds. Returns 0 or -EINVAL. */
int fmt_parse_duration(const char *text, uint64_t *ret_ns);

/* A whole decimal number in [MIN, MAX] and nothing else. Returns 0 or -EINVAL. */
int fmt_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret);
