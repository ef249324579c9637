/* filter: the words a table is narrowed with. All must match; `!` before a word turns it round.
 *
 *   text          in name or place, upper and lower case alike
 *   re:REGEX      POSIX extended, in name or place, upper and lower case alike
 *   lib:TEXT      in the path of the module
 *   thread:TEXT   in the name of a thread that allocated there
 *   class:NAME    the class begins with NAME ("class:gr"); class:leak is class:growing
 *   >10M <10M     live bytes (binary units)
 *   age>1h age<1h since the site was first seen
 *
 * A word is anything between spaces. */
#pragma once

#include "base/err.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_kind { FILTER_TEXT, FILTER_REGEX, FILTER_LIB, FILTER_CLASS, FILTER_ABOVE, FILTER_BELOW, FILTER_OLDER,
                   FILTER_YOUNGER, FILTER_THREAD };

struct filter_word {
        enum filter_kind kind;
        bool not;
        char *text;      /* TEXT, LIB, CLASS, THREAD */
        regex_t *regex;  /* REGEX */
        uint64_t number; /* bytes or nanoseconds */
        uint8_t *sites;  /* THREAD: 1 for each site that fits (model/threads.h fills it in) */
        size_t n_sites;
};

/* Start with { 0 }, which matches everything. */
struct filter {
        char *text;      /* as it was typed; NULL = matches everything */
        struct filter_word *words;
        size_t n, cap;
};

enum { FILTER_TEXT_MAX = 1024 };

/* TEXT may be NULL. -EINVAL with the reason in ERR (which may be NULL); RET is then untouched. */
int filter_init(const char *text, struct filter *ret, struct err *err);
void filter_done(struct filter *filter);

/* Can FILTER match only what OLD, from which it came by typing on, matches by its names? */
bool filter_is_narrower(const struct filter *filter, const struct filter *old);

/* The words that ask for names, which seldom change. */
bool filter_names(const struct filter *filter, const char *name, const char *place, const char *module_path);

/* The words that ask for threads; SITE 0 has none. */
bool filter_threads(const struct filter *filter, uint32_t site);

/* The words that ask for figures. CLASS is a class's name. */
bool filter_figures(const struct filter *filter, int64_t live_bytes, uint64_t age_ns, const char *class);
