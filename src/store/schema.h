/* schema: the text of data/schema.sql, put into the program at build time. */
#pragma once

extern const char schema_sql[];
