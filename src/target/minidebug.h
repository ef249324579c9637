/* minidebug: the symbols that some distributions leave in a stripped file: .gnu_debugdata, a small ELF file,
 * compressed by xz.
 *
 * The bytes are hostile: what unpacks to more than MINIDEBUG_MAX, or needs more memory for it than a file of that
 * size can, is refused. */
#pragma once

#include "target/image.h"

#define MINIDEBUG_MAX ((size_t)64 << 20)

/* Opens what is in there. -ENODATA when there is nothing, -EFBIG, -EBADMSG. */
int minidebug_open(const struct image *image, struct image **ret);

/* Unpacks LEN bytes of a whole .xz file to at most MAX bytes, which the caller frees. -EFBIG when there are more,
 * -EBADMSG when it is malformed or cut short. */
int minidebug_unpack(const uint8_t *bytes, size_t len, size_t max, char **ret, size_t *ret_len);
