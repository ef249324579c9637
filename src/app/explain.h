/* explain: an error that has a number (base/errors.h), at length. */
#pragma once

/* What `heaptop help E101` prints: title, meaning, what to do. NULL when no error has that number. The
 * caller frees it. */
char *explain_error(int id);

/* What `heaptop help errors` prints: each number with its title. The caller frees it. */
char *explain_errors(void);
