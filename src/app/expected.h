/* expected: the sites that are as they should be: suppressions in $XDG_CONFIG_HOME/heaptop/expected.supp and
 * --expected FILE, as LeakSanitizer writes them (base/suppress.h). */
#pragma once

#include "app/user.h"
#include "base/suppress.h"

/* Reads both with USER's rights; FILE may be NULL. What is wrong with FILE is an error; what is wrong with
 * the user's own is said in RET_MISTAKE ("" = nothing; SIZE bytes), and the rest counts. *RET is never NULL
 * on 0; the caller frees it. */
int expected_read(const struct user *user, const char *file, struct suppress **ret, char *ret_mistake,
                  size_t size, struct err *err);

/* Adds what came by X to the user's own file. Returns how many bytes, 0 = there was nothing. *RET_PATH is the
 * file; the caller frees it, also after an error. As the user we are. */
int expected_write(const struct user *user, struct suppress *suppress, char **ret_path, struct err *err);
