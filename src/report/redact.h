/* redact: what an export is to keep to itself: where files lie, who recorded on which machine, with which
 * arguments.
 *
 * Kept are function names, base names of files and modules, build ids, marks and the name of the program. */
#pragma once

#include <jansson.h>

/* TEXT with each absolute path in it cut to its last part ("exec /srv/x/shopd" -> "exec shopd"). The caller
 * frees it. */
char *redact_text(const char *text);

/* The last part of PATH, which lives as long as PATH. */
const char *redact_path(const char *path);

/* All strings below VALUE: "host", "user" and "cmdline" become null, "exe", "file" and "path" their last
 * part, of "limit_source" the first word stays, others go through redact_text(). Returns a new reference. */
json_t *redact_json(json_t *value);
