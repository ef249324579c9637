#include "target/debug_files.h"

#include "base/alloc.h"
#include "target/image_elf.h"
#include "target/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>

#define DEBUG_DIR "/usr/lib/debug"
#define CRC_CHUNK ((size_t)256 << 10)
#define CRC_MAX   ((off_t)1 << 30) /* longer ones are known by their build id, or not at all */

enum {
        ID_MIN = 2, ID_MAX = 64, /* bytes of a build id */
        PATHS_MAX = 3,
        LINK_MAX = 64 << 10, /* bytes of a section that names a file */
};

bool debug_files_parse_link(const uint8_t *bytes, size_t len, struct debug_link *ret)
{
        const uint8_t *end = memchr(bytes, '\0', len);
        size_t at;

        if (!end || end == bytes)
                return false;
        at = ((size_t)(end - bytes) + 1 + 3) & ~(size_t)3;
        if (at > len || len - at < sizeof ret->crc)
                return false;
        ret->name = (const char *)bytes;
        memcpy(&ret->crc, bytes + at, sizeof ret->crc);
        return true;
}

bool debug_files_parse_altlink(const uint8_t *bytes, size_t len, struct debug_altlink *ret)
{
        const uint8_t *end = memchr(bytes, '\0', len);

        if (!end || end == bytes)
                return false;
        ret->name = (const char *)bytes;
        ret->id = end + 1;
        ret->id_len = len - (size_t)(end + 1 - bytes);
        return ret->id_len >= ID_MIN && ret->id_len <= ID_MAX;
}

/* ---- what a file must be ---- */

struct wanted {
        const struct image *of;
        const char *build_id; /* "" = none */
        const uint32_t *crc;  /* NULL = none */
};

static bool is_same_file(const struct image *a, const struct image *b)
{
        struct stat x, y;

        return image_fd(a) >= 0 && fstat(image_fd(a), &x) == 0 && fstat(image_fd(b), &y) == 0 && x.st_dev == y.st_dev &&
               x.st_ino == y.st_ino;
}

/* The checksum of .gnu_debuglink is the CRC-32 of IEEE 802.3 over the whole file, as long as it was when we came: one that grows
 * faster than it is read must not keep us. */
static bool has_crc(const struct image *image, uint32_t crc)
{
        uint8_t *chunk;
        uint32_t sum = 0;
        struct stat st;
        off_t at = 0;
        ssize_t n = 1;

        if (fstat(image_fd(image), &st) < 0 || st.st_size > CRC_MAX)
                return false;
        chunk = xmalloc(CRC_CHUNK);
        for (; at < st.st_size && n > 0; at += n) {
                n = pread(image_fd(image), chunk, CRC_CHUNK, at);
                if (n > 0)
                        sum = lzma_crc32(chunk, (size_t)n, sum);
        }
        free(chunk);
        return n > 0 && at == st.st_size && sum == crc;
}

static bool is_wanted(const struct wanted *wanted, const struct image *found)
{
        const char *id = image_build_id(found);

        if (is_same_file(wanted->of, found))
                return false;
        if (wanted->build_id[0] && id[0])
                return strcmp(wanted->build_id, id) == 0;
        return wanted->crc && has_crc(found, *wanted->crc);
}

static int try(const struct wanted *wanted, int root, const char *path, struct image **ret)
{
        struct image *found;
        int r = image_open_in(root, path, &found);

        if (r < 0)
                return r;
        if (!is_wanted(wanted, found)) {
                image_close(found);
                return -ESTALE;
        }
        *ret = found;
        return 0;
}

/* Tries each of PATHS (N of them, freed here) in the root of the file, then in HOST. */
static int try_all(const struct wanted *wanted, int host, char **paths, size_t n, struct image **ret)
{
        const int roots[] = { image_root(wanted->of), host };
        size_t n_roots = roots[0] == roots[1] ? 1 : 2;
        int r = -ENOENT;

        for (size_t root = 0; root < n_roots && r != 0; root++)
                for (size_t i = 0; i < n && r != 0; i++)
                        r = try(wanted, roots[root], paths[i], ret);
        for (size_t i = 0; i < n; i++)
                free(paths[i]);
        return r == 0 ? 0 : -ENOENT;
}

static int find_by_id(const struct wanted *wanted, int host, struct image **ret)
{
        const char *id = wanted->build_id;
        char *path;

        if (strlen(id) < 2 * ID_MIN)
                return -ENOENT;
        path = xasprintf(DEBUG_DIR "/.build-id/%.2s/%s.debug", id, id + 2);
        return try_all(wanted, host, &path, 1, ret);
}

int debug_files_open(const char *build_id, int host, struct image **ret)
{
        struct image *found;
        char *path;
        int r;

        if (strlen(build_id) < 2 * ID_MIN || strspn(build_id, "0123456789abcdef") != strlen(build_id))
                return -ENOENT;
        path = xasprintf(DEBUG_DIR "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
        r = image_open_in(host, path, &found);
        free(path);
        if (r < 0)
                return -ENOENT;
        if (strcmp(image_build_id(found), build_id) != 0) {
                image_close(found);
                return -ENOENT;
        }
        *ret = found;
        return 0;
}

/* The part of PATH before its last slash, without it; "." when there is none. The caller frees it. */
static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
}

static int find_by_link(const struct wanted *wanted, int host, const char *name, struct image **ret)
{
        const char *path = image_path(wanted->of);
        char *dir, *paths[PATHS_MAX];
        size_t n = 0;

        /* It is the name of a file, not of a place. */
        if (!path || strchr(name, '/') || strlen(name) > NAME_MAX)
                return -ENOENT;
        dir = directory_of(path);
        paths[n++] = xasprintf("%s/%s", dir, name);
        paths[n++] = xasprintf("%s/.debug/%s", dir, name);
        if (path[0] == '/')
                paths[n++] = xasprintf(DEBUG_DIR "%s/%s", dir, name);
        free(dir);
        return try_all(wanted, host, paths, n, ret);
}

int debug_files_find(const struct image *image, int host, struct image **ret)
{
        struct wanted wanted = { .of = image, .build_id = image_build_id(image) };
        struct debug_link link;
        const uint8_t *bytes;
        uint64_t addr;
        size_t len;
        int r = find_by_id(&wanted, host, ret);

        if (r == 0)
                return 0;
        bytes = image_section_up_to(image, ".gnu_debuglink", LINK_MAX, &addr, &len);
        if (!bytes || !debug_files_parse_link(bytes, len, &link))
                return -ENOENT;
        wanted.crc = &link.crc;
        return find_by_link(&wanted, host, link.name, ret);
}

/* A relative path begins where the file with the link stands. */
static int find_by_path(const struct wanted *wanted, int host, const char *name, struct image **ret)
{
        char *path, *dir;

        if (strlen(name) >= PATH_MAX || (name[0] != '/' && !image_path(wanted->of)))
                return -ENOENT;
        dir = name[0] == '/' ? xstrdup("") : directory_of(image_path(wanted->of));
        path = xasprintf("%s/%s", dir, name);
        free(dir);
        return try_all(wanted, host, &path, 1, ret);
}

/* What .gnu_debugaltlink of DEBUG says, the build id also as text. */
static bool read_altlink(const struct image *debug, struct debug_altlink *ret, char *ret_id)
{
        const uint8_t *bytes;
        uint64_t addr;
        size_t len;

        bytes = image_section_up_to(debug, ".gnu_debugaltlink", LINK_MAX, &addr, &len);
        if (!bytes || !debug_files_parse_altlink(bytes, len, ret))
                return false;
        for (size_t i = 0; i < ret->id_len; i++)
                snprintf(ret_id + 2 * i, 3, "%02x", ret->id[i]);
        return true;
}

bool debug_files_alternate_id(const struct image *debug, char ret[DEBUG_FILES_ID_MAX])
{
        struct debug_altlink link;

        return read_altlink(debug, &link, ret);
}

int debug_files_find_alternate(const struct image *debug, int host, struct image **ret)
{
        struct wanted wanted = { .of = debug };
        char id[DEBUG_FILES_ID_MAX];
        struct debug_altlink link;
        int r;

        if (!read_altlink(debug, &link, id))
                return -ENODATA;
        wanted.build_id = id;
        r = find_by_id(&wanted, host, ret);
        return r == 0 ? 0 : find_by_path(&wanted, host, link.name, ret);
}

/* ---- split DWARF ---- */

/* Who asks for such a file reads hostile bytes and may be somebody else's by now: it gets no file but one of this
 * kind. */
static int open_units(int root, const char *path)
{
        struct image *image;
        int r = image_open_in(root, path, &image);

        if (r < 0)
                return r;
        r = -ENOEXEC;
        if (image_has_section(image, ".debug_info.dwo") || image_has_section(image, ".zdebug_info.dwo"))
                r = fcntl(image_fd(image), F_DUPFD_CLOEXEC, 0);
        image_close(image);
        return r;
}

/* Opens the first of PATHS (N of them, freed here) that is there, in the root of IMAGE, then in HOST. */
static int open_first(const struct image *image, int host, char **paths, size_t n)
{
        const int roots[] = { image_root(image), host };
        size_t n_roots = roots[0] == roots[1] ? 1 : 2;
        int r = -ENOENT;

        for (size_t root = 0; root < n_roots && r < 0; root++)
                for (size_t i = 0; i < n && r < 0; i++)
                        r = open_units(roots[root], paths[i]);
        for (size_t i = 0; i < n; i++)
                free(paths[i]);
        return r;
}

int debug_files_open_package(const struct image *image, int host)
{
        static const char debug[] = ".debug";
        const char *path = image_path(image);
        char *paths[PATHS_MAX];
        size_t n = 0, len = path ? strlen(path) : 0;

        if (len == 0)
                return -ENOENT;
        paths[n++] = xasprintf("%s.dwp", path);
        if (len > sizeof debug - 1 && strcmp(path + len - (sizeof debug - 1), debug) == 0)
                paths[n++] = xasprintf("%.*s.dwp", (int)(len - (sizeof debug - 1)), path);
        return open_first(image, host, paths, n);
}

int debug_files_open_split(const struct image *image, int host, const char *dir, const char *name)
{
        const char *slash = strrchr(name, '/');
        char *paths[PATHS_MAX], *beside;
        size_t n = 0;

        if (name[0] == '/')
                paths[n++] = xstrdup(name);
        else if (dir[0] == '/')
                paths[n++] = xasprintf("%s/%s", dir, name);
        if (image_path(image)) {
                beside = directory_of(image_path(image));
                if (name[0] != '/')
                        paths[n++] = xasprintf("%s/%s", beside, name);
                if (slash)
                        paths[n++] = xasprintf("%s/%s", beside, slash + 1);
                free(beside);
        }
        return open_first(image, host, paths, n);
}
