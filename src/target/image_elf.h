/* image_elf: libelf's handle of an image, for the other users of elfutils in this folder. */
#pragma once

#include "target/image.h"

#include <libelf.h>

/* Owned by the image. */
Elf *image_elf(struct image *image);

/* Whether a section of that name is there, compressed or not. */
bool image_has_section(const struct image *image, const char *name);

/* Whether there is DWARF: .debug_info, or .zdebug_info as it was compressed once. */
bool image_has_debug(const struct image *image);

/* The open file, -1 when there is none (the vDSO). Owned by the image. */
int image_fd(const struct image *image);
