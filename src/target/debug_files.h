/* debug_files: finds what belongs to an ELF file but stands in another: its debug information, split off by a
 * distribution or a build, and what that shares with others (DWZ).
 *
 * All paths are looked up below the root of who has the file (image_root()), then below HOST, the root of who looks:
 * ROOT_OWN outside of tests. Nothing found is believed by its name: the build id must be the same; where there is
 * none, the checksum. doc/names.md tells the order. */
#pragma once

#include "target/image.h"

/* The separate debug file of IMAGE: by build id, then by .gnu_debuglink. Returns 0, or -ENOENT. */
int debug_files_find(const struct image *image, int host, struct image **ret);

/* The debug file that a distribution put there for BUILD_ID (hexadecimal), when the file itself is not at hand.
 * Returns 0, or -ENOENT. */
int debug_files_open(const char *build_id, int host, struct image **ret);

/* The alternate file that .gnu_debugaltlink of DEBUG names: by build id, then by path. -ENODATA when it names none. */
int debug_files_find_alternate(const struct image *debug, int host, struct image **ret);

/* Files of split DWARF (-gsplit-dwarf) that IMAGE has skeletons of: the package of all of them (.dwp), and the one
 * that NAME is, as seen from DIR, the folder that was compiled in ("" = not known; both hostile). The file holds
 * split units; that they are the right ones is seen by who reads them: each carries the number of its skeleton.
 * Returns a descriptor or a negative errno. */
int debug_files_open_package(const struct image *image, int host);
int debug_files_open_split(const struct image *image, int host, const char *dir, const char *name);

/* The build id (hexadecimal) of the alternate that DEBUG names, into RET; false when it names none. */
enum { DEBUG_FILES_ID_MAX = 129 };
bool debug_files_alternate_id(const struct image *debug, char ret[DEBUG_FILES_ID_MAX]);

/* What .gnu_debuglink and .gnu_debugaltlink say, from LEN bytes of them (hostile). False when they are malformed. */
struct debug_link {
        const char *name; /* points into the bytes */
        uint32_t crc;
};
struct debug_altlink {
        const char *name;
        const uint8_t *id;
        size_t id_len;
};
bool debug_files_parse_link(const uint8_t *bytes, size_t len, struct debug_link *ret);
bool debug_files_parse_altlink(const uint8_t *bytes, size_t len, struct debug_altlink *ret);
