/* md5: the sum that compilers write of source files (RFC 1321). No protection against anybody who wants two files with one sum. */
#pragma once

#include <stddef.h>

enum { MD5_TEXT = 33 };

/* The MD5 of LEN bytes in 32 hexadecimal digits, lower case, and a NUL. */
void md5_text(const void *bytes, size_t len, char ret[MD5_TEXT]);
