#include "target/dwarf_split.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "target/dwarf_package.h"
#include "target/dwarf_small.h"
#include "target/image.h"
#include "target/image_elf.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define BASES_MAX   ((size_t)1 << 20)
#define SPLITS_MAX  4096u               /* units opened of one file: their number is hostile */
#define RANGES_PAD  16u                 /* so that no list begins at 0, which means "from the beginning" to dwarf_ranges() */

struct part {
        const uint8_t *bytes;
        size_t len;
};

struct bases {
        uint64_t *v; /* ascending */
        size_t n, cap;
};

struct dwarf_skeletons {
        Dwarf *main;
        const struct dwarf_files *files;
        struct image *package;      /* NULL: none */
        bool asked_for_package, has_bases;
        struct bases addr, ranges;  /* where the parts of .debug_addr and .debug_ranges begin (GNU split DWARF 4) */
        unsigned n_opened;
};

struct dwarf_split {
        struct image *image; /* the small file */
        Dwarf *dw;
        Dwarf_Die unit;
        Dwarf_Addr base;        /* low_pc of the skeleton */
        bool is_gnu;            /* DWARF 4 with the GNU extension */
};

struct dwarf_skeletons *dwarf_skeletons_new(Dwarf *main, const struct dwarf_files *files)
{
        struct dwarf_skeletons *skeletons = xcalloc(1, sizeof *skeletons);

        skeletons->main = main;
        skeletons->files = files;
        return skeletons;
}

void dwarf_skeletons_forget_pages(struct dwarf_skeletons *skeletons)
{
        image_forget_pages(skeletons->package);
}

void dwarf_skeletons_free(struct dwarf_skeletons *skeletons)
{
        if (!skeletons)
                return;
        image_close(skeletons->package);
        free(skeletons->addr.v);
        free(skeletons->ranges.v);
        free(skeletons);
}

/* ---- parts of files ---- */

static bool is_named(const char *found, const char *name)
{
        return strcmp(found, name) == 0 || (strncmp(found, ".z", 2) == 0 && strcmp(found + 2, name + 1) == 0);
}

/* The section NAME, decompressed; { 0 } when there is none. */
static struct part section_of(Elf *elf, const char *name)
{
        Elf_Scn *scn = NULL;
        size_t names;

        if (elf_getshdrstrndx(elf, &names) < 0)
                return (struct part){ 0 };
        while ((scn = elf_nextscn(elf, scn))) {
                GElf_Shdr shdr;
                const char *found;
                Elf_Data *data;

                if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS ||
                    !(found = elf_strptr(elf, names, shdr.sh_name)) || !is_named(found, name))
                        continue;
                if (found[1] == 'z')
                        elf_compress_gnu(scn, 0, 0); /* fails when it is decompressed already */
                else if (shdr.sh_flags & SHF_COMPRESSED)
                        elf_compress(scn, 0, 0);
                data = elf_getdata(scn, NULL);
                return data && data->d_buf ? (struct part){ data->d_buf, data->d_size } : (struct part){ 0 };
        }
        return (struct part){ 0 };
}

static struct part cut(struct part part, uint64_t offset, uint64_t size)
{
        if (offset > part.len || size > part.len - offset || size > DWARF_PART_MAX)
                return (struct part){ 0 };
        return (struct part){ part.bytes + offset, (size_t)size };
}

/* ---- what the program keeps for a unit ---- */

static bool number(Dwarf_Die *die, unsigned attribute, uint64_t *ret)
{
        Dwarf_Attribute found;
        Dwarf_Word value;

        if (!dwarf_attr(die, attribute, &found) || dwarf_formudata(&found, &value) != 0)
                return false;
        *ret = value;
        return true;
}

static int ascending(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void add_base(struct bases *bases, Dwarf_Die *die, unsigned attribute)
{
        uint64_t base;

        if (bases->n >= BASES_MAX || !number(die, attribute, &base))
                return;
        array_grow(bases->v, bases->n, bases->cap);
        bases->v[bases->n++] = base;
}

/* GNU split DWARF does not say where the part of one unit ends: where the next one begins. */
static void list_bases(struct dwarf_skeletons *skeletons)
{
        Dwarf_CU *cu = NULL;
        Dwarf_Die die;

        skeletons->has_bases = true;
        for (size_t i = 0; i < BASES_MAX; i++) {
                if (dwarf_get_units(skeletons->main, cu, &cu, NULL, NULL, &die, NULL) != 0)
                        break;
                add_base(&skeletons->addr, &die, DW_AT_GNU_addr_base);
                add_base(&skeletons->ranges, &die, DW_AT_GNU_ranges_base);
        }
        if (skeletons->addr.n > 0)
                qsort(skeletons->addr.v, skeletons->addr.n, sizeof *skeletons->addr.v, ascending);
        if (skeletons->ranges.n > 0)
                qsort(skeletons->ranges.v, skeletons->ranges.n, sizeof *skeletons->ranges.v, ascending);
}

static struct part from_base(struct part whole, const struct bases *bases, uint64_t base)
{
        uint64_t end = whole.len;
        size_t low = 0, high = bases->n;

        while (low < high) { /* the first that is greater */
                size_t middle = low + (high - low) / 2;

                if (bases->v[middle] <= base)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < bases->n && bases->v[low] < end)
                end = bases->v[low];
        return base < end ? cut(whole, base, end - base) : (struct part){ 0 };
}

/* DWARF 5 has a header before the base: length, version, two sizes (7.27). */
static struct part addresses_of_5(struct part whole, uint64_t base)
{
        uint64_t len;

        if (base < 8 || base > whole.len)
                return (struct part){ 0 };
        len = dwarf_read(whole.bytes + base - 8, 4);
        return len > 4 ? cut(whole, base, len - 4) : (struct part){ 0 };
}

static void put_kept(struct dwarf_skeletons *skeletons, Dwarf_Die *skeleton, struct dwarf_small *small)
{
        Elf *elf = dwarf_getelf(skeletons->main);
        struct part addresses = section_of(elf, ".debug_addr"), ranges = section_of(elf, ".debug_ranges");
        struct buf padded = { 0 };
        uint64_t base;

        if (!skeletons->has_bases)
                list_bases(skeletons);
        if (number(skeleton, DW_AT_addr_base, &base))
                addresses = addresses_of_5(addresses, base);
        else if (number(skeleton, DW_AT_GNU_addr_base, &base))
                addresses = from_base(addresses, &skeletons->addr, base);
        else
                addresses = (struct part){ 0 };
        dwarf_small_put(small, ".debug_addr.dwo", addresses.bytes, addresses.len);
        if (!number(skeleton, DW_AT_GNU_ranges_base, &base))
                return;
        ranges = from_base(ranges, &skeletons->ranges, base);
        for (unsigned i = 0; i < RANGES_PAD; i++)
                buf_putc(&padded, '\0');
        if (ranges.len > 0)
                buf_add(&padded, ranges.bytes, ranges.len);
        dwarf_small_put(small, ".debug_ranges.dwo", padded.data, padded.len);
        buf_done(&padded);
}

/* ---- the unit ---- */

struct wanted {
        Dwarf_Die *skeleton;
        uint64_t id;
        Dwarf_Half version;
};

static struct image *ask(struct dwarf_skeletons *skeletons, enum dwarf_file file, const char *dir, const char *name)
{
        struct image *image;
        int fd = skeletons->files->open(skeletons->files->arg, file, dir, name);

        return fd >= 0 && image_open_fd_mapped(fd, &image) == 0 ? image : NULL;
}

/* Numbers of sections in a package, by version (DW_SECT_). */
static struct part part_of(struct image *image, const char *name, const struct wanted *wanted, unsigned section)
{
        struct part whole = section_of(image_elf(image), name), index = section_of(image_elf(image), ".debug_cu_index");
        uint64_t offset, size;

        if (index.len == 0)
                return cut(whole, 0, whole.len);
        if (!dwarf_package_find(index.bytes, index.len, wanted->id, section, &offset, &size))
                return (struct part){ 0 };
        return cut(whole, offset, size);
}

/* The small file of the unit WANTED out of IMAGE, a .dwo or .dwp; NULL when it is not in there. */
static struct image *compose(struct dwarf_skeletons *skeletons, const struct wanted *wanted, struct image *image)
{
        struct part info = part_of(image, ".debug_info.dwo", wanted, 1);
        struct part abbrev = part_of(image, ".debug_abbrev.dwo", wanted, 3);
        struct part line = part_of(image, ".debug_line.dwo", wanted, 4);
        struct part offsets = part_of(image, ".debug_str_offsets.dwo", wanted, 6);
        struct part rnglists = wanted->version < 5 ? (struct part){ 0 } : part_of(image, ".debug_rnglists.dwo", wanted, 8);
        struct part all = section_of(image_elf(image), ".debug_str.dwo");
        struct dwarf_strings strings = { 0 };
        struct dwarf_small small = { { 0 } };

        if (info.len == 0 || abbrev.len == 0)
                return NULL;
        if (offsets.len > 0 &&
            !dwarf_package_strings(offsets.bytes, offsets.len, wanted->version, all.bytes, all.len, &strings))
                return NULL;
        dwarf_small_begin(&small);
        dwarf_small_put(&small, ".debug_info.dwo", info.bytes, info.len);
        dwarf_small_put(&small, ".debug_abbrev.dwo", abbrev.bytes, abbrev.len);
        dwarf_small_put(&small, ".debug_line.dwo", line.bytes, line.len);
        dwarf_small_put(&small, ".debug_rnglists.dwo", rnglists.bytes, rnglists.len);
        dwarf_small_put(&small, ".debug_str_offsets.dwo", strings.offsets, strings.offsets_len);
        dwarf_small_put(&small, ".debug_str.dwo", strings.strings, strings.strings_len);
        put_kept(skeletons, wanted->skeleton, &small);
        free(strings.offsets);
        free(strings.strings);
        return dwarf_small_finish(&small);
}

static bool find_unit(struct dwarf_split *split, const struct wanted *wanted)
{
        Dwarf_CU *cu = NULL;
        uint8_t type;
        uint64_t id;

        for (size_t i = 0; i < BASES_MAX; i++) {
                if (dwarf_get_units(split->dw, cu, &cu, NULL, &type, &split->unit, NULL) != 0)
                        return false;
                if (type == DW_UT_split_compile && dwarf_cu_info(cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) == 0 &&
                    id == wanted->id)
                        return true;
        }
        return false;
}

/* Takes over nothing: IMAGE is not needed any more afterwards. */
static struct dwarf_split *take_out(struct dwarf_skeletons *skeletons, const struct wanted *wanted, struct image *image)
{
        struct dwarf_split *split = xcalloc(1, sizeof *split);

        split->image = compose(skeletons, wanted, image);
        split->dw = split->image ? dwarf_begin_elf(image_elf(split->image), DWARF_C_READ, NULL) : NULL;
        if (!split->dw || !find_unit(split, wanted)) {
                dwarf_split_close(split);
                return NULL;
        }
        split->is_gnu = wanted->version < 5;
        if (dwarf_lowpc(wanted->skeleton, &split->base) != 0)
                split->base = 0;
        return split;
}

static const char *string(Dwarf_Die *die, unsigned attribute)
{
        Dwarf_Attribute found;

        return dwarf_attr(die, attribute, &found) ? dwarf_formstring(&found) : NULL;
}

struct dwarf_split *dwarf_split_open(struct dwarf_skeletons *skeletons, Dwarf_Die *skeleton)
{
        struct wanted wanted = { .skeleton = skeleton };
        struct dwarf_split *split = NULL;
        const char *dir = string(skeleton, DW_AT_comp_dir), *name = string(skeleton, DW_AT_dwo_name);
        struct image *image;

        if (!name)
                name = string(skeleton, DW_AT_GNU_dwo_name);
        if (!skeletons->files || !name || skeletons->n_opened >= SPLITS_MAX ||
            dwarf_cu_info(skeleton->cu, &wanted.version, NULL, NULL, NULL, &wanted.id, NULL, NULL) != 0)
                return NULL;
        if (!skeletons->asked_for_package)
                skeletons->package = ask(skeletons, DWARF_FILE_PACKAGE, "", "");
        skeletons->asked_for_package = true;
        if (skeletons->package)
                split = take_out(skeletons, &wanted, skeletons->package);
        if (!split) {
                image = ask(skeletons, DWARF_FILE_SPLIT, dir ? dir : "", name);
                split = image ? take_out(skeletons, &wanted, image) : NULL;
                image_close(image);
        }
        skeletons->n_opened += split != NULL;
        return split;
}

void dwarf_split_close(struct dwarf_split *split)
{
        if (!split)
                return;
        dwarf_end(split->dw);
        image_close(split->image);
        free(split);
}

Dwarf *dwarf_split_dwarf(const struct dwarf_split *split)
{
        return split->dw;
}

Dwarf_Die *dwarf_split_unit(struct dwarf_split *split)
{
        return &split->unit;
}

/* ---- ranges ---- */

/* Where list INDEX of .debug_rnglists.dwo begins: a header, then offsets from where they begin themselves (DWARF 5,
 * 7.28). */
static ptrdiff_t list_at(const struct dwarf_split *split, uint64_t index)
{
        struct part lists = section_of(image_elf(split->image), ".debug_rnglists.dwo");
        size_t width, first;
        uint64_t offset;

        if (lists.len < 20)
                return 0;
        width = dwarf_read(lists.bytes, 4) == UINT32_MAX ? 8 : 4;
        first = width == 8 ? 20 : 12;
        if (index >= (lists.len - first) / width)
                return 0;
        offset = first + dwarf_read(lists.bytes + first + index * width, width);
        return offset < lists.len ? (ptrdiff_t)offset : 0;
}

ptrdiff_t dwarf_split_ranges(const struct dwarf_split *split, Dwarf_Die *die, Dwarf_Addr *ret_base)
{
        Dwarf_Attribute found;
        uint64_t value = 0;
        unsigned shift = 0;

        *ret_base = split->base;
        if (dwarf_hasattr(die, DW_AT_low_pc) || !dwarf_attr(die, DW_AT_ranges, &found))
                return 0;
        if (split->is_gnu)
                return dwarf_formudata(&found, &value) == 0 ? (ptrdiff_t)(value + RANGES_PAD) : 0;
        if (dwarf_whatform(&found) != DW_FORM_rnglistx)
                return dwarf_formudata(&found, &value) == 0 ? (ptrdiff_t)value : 0;
        for (int i = 0; i < 5; i++, shift += 7) { /* a section of the small file is followed by others */
                value |= (uint64_t)(found.valp[i] & 0x7f) << shift;
                if (found.valp[i] < 0x80)
                        return list_at(split, value);
        }
        return 0;
}
