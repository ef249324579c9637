#include "target/naming.h"

#include "base/alloc.h"
#include "target/borders.h"
#include "target/debug_files.h"
#include "target/dwarf_process.h"
#include "target/image_elf.h"
#include "target/minidebug.h"
#include "target/root.h"
#include "target/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEBUG_MAX = 8 };

struct naming {
        struct image *image;
        struct image *debug[DEBUG_MAX]; /* separate debug files and their alternates */
        size_t n_debug;
        struct image *alternate;        /* of naming_add_alternate() */
        struct symbols symbols;
        struct borders borders;
        bool has_borders;
        struct dwarf_process *lines; /* not ours */
        uint32_t file;               /* of LINES */
        bool has_lines, prepared;
        char *strings[2 * NAMING_FRAMES_MAX + 1]; /* names and files of the last lookup */
        size_t n_strings;
};

int naming_open(const struct image *image, struct dwarf_process *lines, struct naming **ret)
{
        struct naming *naming = xcalloc(1, sizeof *naming);
        int r = image_reopen(image, &naming->image);

        if (r < 0) {
                free(naming);
                return r;
        }
        naming->lines = lines;
        *ret = naming;
        return 0;
}

static void forget_strings(struct naming *naming)
{
        while (naming->n_strings > 0)
                free(naming->strings[--naming->n_strings]);
}

void naming_close(struct naming *naming)
{
        if (!naming)
                return;
        forget_strings(naming);
        if (naming->has_lines)
                dwarf_process_close(naming->lines, naming->file);
        symbols_done(&naming->symbols);
        borders_done(&naming->borders);
        while (naming->n_debug > 0)
                image_close(naming->debug[--naming->n_debug]);
        image_close(naming->alternate);
        image_close(naming->image);
        free(naming);
}

static void keep_image(struct naming *naming, struct image *image)
{
        naming->debug[naming->n_debug++] = image;
}

/* Lines from IMAGE, if there were none and it has any. */
static void open_lines(struct naming *naming, const struct image *image)
{
        struct image *alternate = NULL;
        char id[DEBUG_FILES_ID_MAX];

        if (naming->has_lines || !naming->lines || !image_has_debug(image))
                return;
        if (naming->n_debug < DEBUG_MAX && debug_files_find_alternate(image, ROOT_OWN, &alternate) == 0)
                keep_image(naming, alternate);
        else if (naming->alternate && debug_files_alternate_id(image, id) && strcmp(id, image_build_id(naming->alternate)) == 0)
                alternate = naming->alternate;
        naming->has_lines = dwarf_process_open(naming->lines, image, alternate, &naming->file) == 0;
}

static void prepare(struct naming *naming)
{
        bool has_symtab = image_has_symtab(naming->image);
        struct image *debug;

        if (naming->prepared)
                return;
        naming->prepared = true;
        symbols_add(&naming->symbols, naming->image);
        symbols_add_plt(&naming->symbols, naming->image);
        open_lines(naming, naming->image);
        if ((!naming->has_lines || !has_symtab) && debug_files_find(naming->image, ROOT_OWN, &debug) == 0) {
                has_symtab = has_symtab || image_has_symtab(debug);
                keep_image(naming, debug);
                symbols_add(&naming->symbols, debug);
                open_lines(naming, debug);
        }
        if (!has_symtab && minidebug_open(naming->image, &debug) == 0) {
                keep_image(naming, debug);
                symbols_add(&naming->symbols, debug);
        }
        symbols_sort(&naming->symbols);
}

bool naming_has_lines(struct naming *naming)
{
        prepare(naming);
        return naming->has_lines;
}

const char *naming_build_id(const struct naming *naming)
{
        return image_build_id(naming->image);
}

void naming_add_alternate(struct naming *naming, struct image *alternate)
{
        image_close(naming->alternate);
        naming->alternate = alternate;
}

int naming_add_debug(struct naming *naming, struct image *debug)
{
        if (naming_has_lines(naming) || naming->n_debug + 2 > DEBUG_MAX) {
                image_close(debug);
                return -EEXIST;
        }
        keep_image(naming, debug);
        symbols_add(&naming->symbols, debug);
        symbols_sort(&naming->symbols);
        open_lines(naming, debug);
        return naming->has_lines ? 0 : -ENODATA;
}

static const char *keep(struct naming *naming, char *string)
{
        naming->strings[naming->n_strings++] = string;
        return string;
}

/* SYMBOL names the function itself (the last frame) when DWARF has only a plain name: C++ functions with internal
 * linkage. */
static const char *function_name(struct naming *naming, const struct dwarf_frame *frame, const struct symbol *symbol)
{
        if (frame->linkage)
                return keep(naming, naming_demangle(frame->linkage));
        if (symbol && symbol->name[0] == '_' && (symbol->name[1] == 'Z' || symbol->name[1] == 'R'))
                return keep(naming, naming_demangle(symbol->name));
        if (frame->name)
                return frame->name;
        return symbol ? keep(naming, naming_demangle(symbol->name)) : NULL;
}

/* Adds the parts of PATH to RET, an absolute path of *LEN bytes. */
static void add_parts(const char *path, char *ret, size_t *len)
{
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n == 2 && memcmp(path, "..", 2) == 0) {
                        while (*len > 0 && ret[--*len] != '/')
                                ;
                } else if (n > 0 && !(n == 1 && path[0] == '.')) {
                        ret[(*len)++] = '/';
                        memcpy(ret + *len, path, n);
                        *len += n;
                }
                path += n + (path[n] == '/');
        }
        ret[*len] = '\0';
}

char *naming_join(const char *dir, const char *file)
{
        size_t len = 0;
        char *path;

        if (!dir || dir[0] != '/' || file[0] == '/' || file[0] == '\0')
                return NULL;
        if (strnlen(dir, PATH_MAX) + strnlen(file, PATH_MAX) + 2 > PATH_MAX)
                return NULL;
        path = xmalloc(PATH_MAX);
        add_parts(dir, path, &len);
        add_parts(file, path, &len);
        return path;
}

static const char *file_name(struct naming *naming, const struct dwarf_frame *frame)
{
        char *path = frame->file ? naming_join(frame->dir, frame->file) : NULL;

        return path ? keep(naming, path) : frame->file;
}

/* The symbol that ADDR is in; else the one below it, *RET_NEAREST then, unless .eh_frame knows that another function
 * begins between them. A symbol without a size is as long as the function that .eh_frame has there. */
static const struct symbol *find_symbol(struct naming *naming, uint64_t addr, bool *ret_nearest)
{
        const struct symbol *symbol = symbols_find(&naming->symbols, addr, ret_nearest);
        const struct border *border;

        if (!symbol || !*ret_nearest)
                return symbol;
        if (!naming->has_borders)
                borders_read(&naming->borders, naming->image);
        naming->has_borders = true;
        if (borders_between(&naming->borders, symbol->addr, addr))
                return NULL;
        border = borders_find(&naming->borders, addr);
        if (border && border->start == symbol->addr && symbol->size == 0)
                *ret_nearest = false;
        return symbol;
}

/* NAME, a guess, with how far ADDR is from where it belongs. */
static const char *with_offset(struct naming *naming, const char *name, uint64_t offset)
{
        return keep(naming, xasprintf("%s+0x%" PRIx64, name, offset));
}

/* SYMBOL: of the function itself, NULL for what was inlined. */
static struct naming_frame fill_frame(struct naming *naming, const struct dwarf_frame *frame, const struct symbol *symbol,
                                      bool nearest, uint64_t at)
{
        struct naming_frame ret = { .line = frame->line, .source = frame->source };
        bool by_symbol = !frame->name && !frame->linkage;

        ret.func = function_name(naming, frame, !nearest || by_symbol ? symbol : NULL);
        ret.file = file_name(naming, frame);
        ret.nearest = by_symbol && symbol && nearest;
        if (ret.nearest)
                ret.func = with_offset(naming, ret.func, at - symbol->addr);
        return ret;
}

size_t naming_lookup(struct naming *naming, uint64_t addr, bool exact, struct naming_frame *ret, size_t max)
{
        struct dwarf_frame frames[NAMING_FRAMES_MAX];
        const struct symbol *symbol;
        bool nearest = false;
        uint64_t at = addr; /* as it is shown */
        size_t n = 0, stored = 0;

        if (max > NAMING_FRAMES_MAX)
                max = NAMING_FRAMES_MAX;
        if (max == 0)
                return 0;
        prepare(naming);
        forget_strings(naming);
        if (!exact && addr > 0)
                addr--;
        symbol = find_symbol(naming, addr, &nearest);
        if (naming->has_lines)
                n = dwarf_process_lookup(naming->lines, naming->file, addr, frames, max);
        if (n == 0)
                frames[n++] = (struct dwarf_frame){ 0 };
        for (size_t i = 0; i < n; i++) {
                bool own = i + 1 == n;

                /* The name of an inlined call may be in a file that is gone (dwz -m). */
                if (own || frames[i].name || frames[i].linkage)
                        ret[stored++] = fill_frame(naming, &frames[i], own ? symbol : NULL, nearest, at);
        }
        return stored;
}
