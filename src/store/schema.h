/* schema: the text of data/schema.sql, put into the program at build time.
 *
 * A format adds tables to the one before and changes none, so that a newer heaptop opens an older file: what it lacks is
 * empty. */
#pragma once

#include "store/store.h"

/* What format i + 1 added. */
extern const char *const schema_parts[STORE_VERSION];
