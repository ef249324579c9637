/* jitname: what runtimes call the code that they compiled, taken apart for people.
 *
 * V8 (node --perf-basic-prof, --perf-prof) writes "JS:*handler /srv/app.js:31:15": what it is, how far it was optimised
 * (~ interpreted, ^ baseline, + and * optimised), the function, and where that stands. The same function is compiled
 * several times; whoever looks for an allocation wants one: "handler", /srv/app.js, 31. Names of other forms (.NET,
 * Java agents, "Builtin:ArrayPush") stay as they are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct jitname {
        const char *func, *file; /* parts of the name; file NULL = it tells no place */
        size_t func_len, file_len;
        uint32_t line;           /* 0 = none */
};

/* Takes NAME (LEN bytes, any) apart. */
struct jitname jitname_parse(const char *name, size_t len);
