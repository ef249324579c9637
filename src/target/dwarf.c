#include "target/dwarf.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/dwarf_scopes.h"
#include "target/dwarf_split.h"
#include "target/image_elf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Debug information is as hostile as the file it is in. libdw checks bounds; what we add is that no loop here runs longer than
 * the limits below, nothing recurses, and that it opens no further files: those are handed in (target/dwarf_split.h).
 *
 * Lookup goes in three steps, each prepared when first needed: address -> unit (one list for the file), unit -> function
 * (one list per unit), function -> inlined calls (a walk of that function's tree alone). */

#define UNITS_MAX     ((size_t)1 << 20)
#define RANGES_MAX    ((size_t)4 << 20)
#define FUNCTIONS_MAX ((size_t)1 << 18) /* per unit */
#define VISITS_MAX    ((size_t)1 << 20) /* entries looked at in one walk */
#define RANGES_OF_ONE 4096              /* address ranges of one entry */
#define DEPTH_MAX     64
#define UNIT_SIZE_LINES_MAX ((size_t)1 << 16) /* files named by one unit */

struct range {
        uint64_t start, end;
        Dwarf_Off die; /* a unit's or a function's entry */
};

struct ranges {
        struct range *v;
        size_t n, cap;
};

struct unit {
        Dwarf_Off die;
        struct dwarf_split *split; /* where its functions are; NULL: here */
        struct ranges functions;
        bool listed;
        struct dwarf_scopes scopes;     /* where its functions are declared; listed when first needed */
        bool scopes_listed;
        uint8_t (*md5)[DWARF_MD5_SIZE]; /* of its source files */
        size_t n_md5;
        bool md5_read;
};

struct dwarf {
        Dwarf *dw, *alternate; /* NULL: none */
        struct dwarf_skeletons *skeletons;
        struct ranges units;
        struct unit *opened; /* units asked for so far */
        size_t n_opened, cap_opened;
        bool listed;
        char *qualified[DEPTH_MAX]; /* names made for the last lookup */
        size_t n_qualified;
};

int dwarf_open(struct image *image, struct image *alternate, const struct dwarf_files *files, struct dwarf **ret)
{
        struct dwarf *dwarf;
        Dwarf *dw;

        if (!image_has_debug(image))
                return -ENODATA;
        dw = dwarf_begin_elf(image_elf(image), DWARF_C_READ, NULL);
        if (!dw)
                return -ENODATA;
        dwarf = xcalloc(1, sizeof *dwarf);
        dwarf->dw = dw;
        dwarf->alternate = alternate ? dwarf_begin_elf(image_elf(alternate), DWARF_C_READ, NULL) : NULL;
        if (dwarf->alternate)
                dwarf_setalt(dw, dwarf->alternate);
        dwarf->skeletons = dwarf_skeletons_new(dw, files);
        *ret = dwarf;
        return 0;
}

static void forget_qualified(struct dwarf *dwarf)
{
        while (dwarf->n_qualified > 0)
                free(dwarf->qualified[--dwarf->n_qualified]);
}

void dwarf_close(struct dwarf *dwarf)
{
        if (!dwarf)
                return;
        for (size_t i = 0; i < dwarf->n_opened; i++) {
                free(dwarf->opened[i].functions.v);
                dwarf_scopes_done(&dwarf->opened[i].scopes);
                dwarf_split_close(dwarf->opened[i].split);
                free(dwarf->opened[i].md5);
        }
        forget_qualified(dwarf);
        free(dwarf->opened);
        free(dwarf->units.v);
        dwarf_skeletons_free(dwarf->skeletons);
        dwarf_end(dwarf->dw);
        dwarf_end(dwarf->alternate);
        free(dwarf);
}

void dwarf_forget_pages(struct dwarf *dwarf)
{
        if (dwarf)
                dwarf_skeletons_forget_pages(dwarf->skeletons);
}

/* SPLIT: what DIE stands in, NULL when it is the file itself. */
static void add_ranges(struct ranges *ranges, const struct dwarf_split *split, Dwarf_Die *die)
{
        Dwarf_Addr base, start, end;
        ptrdiff_t at = split ? dwarf_split_ranges(split, die, &base) : 0;

        for (int i = 0; i < RANGES_OF_ONE && ranges->n < RANGES_MAX; i++) {
                at = dwarf_ranges(die, at, &base, &start, &end);
                if (at <= 0)
                        break;
                if (start == 0 || start >= end) /* 0: dropped by the linker */
                        continue;
                array_grow(ranges->v, ranges->n, ranges->cap);
                ranges->v[ranges->n++] = (struct range){ start, end, dwarf_dieoffset(die) };
        }
}

static bool covers(const struct dwarf_split *split, Dwarf_Die *die, uint64_t addr)
{
        Dwarf_Addr base, start, end;
        ptrdiff_t at = split ? dwarf_split_ranges(split, die, &base) : 0;

        for (int i = 0; i < RANGES_OF_ONE; i++) {
                at = dwarf_ranges(die, at, &base, &start, &end);
                if (at <= 0)
                        break;
                if (addr >= start && addr < end)
                        return true;
        }
        return false;
}

static int by_start(const void *a, const void *b)
{
        const struct range *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

static const struct range *find(const struct ranges *ranges, uint64_t addr)
{
        size_t low = 0, high = ranges->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (ranges->v[middle].start <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        /* Ranges of well-formed files are disjoint; of others, any that fits will do. */
        for (int i = 0; i < 8 && low > 0; i++, low--)
                if (addr < ranges->v[low - 1].end)
                        return &ranges->v[low - 1];
        return NULL;
}

static void list_units(struct dwarf *dwarf)
{
        Dwarf_CU *cu = NULL;
        Dwarf_Half version;
        uint8_t type;
        Dwarf_Die die;

        dwarf->listed = true;
        for (size_t i = 0; i < UNITS_MAX; i++) {
                if (dwarf_get_units(dwarf->dw, cu, &cu, &version, &type, &die, NULL) != 0)
                        break;
                if (type == DW_UT_compile || type == DW_UT_skeleton)
                        add_ranges(&dwarf->units, NULL, &die);
        }
        if (dwarf->units.n > 0)
                qsort(dwarf->units.v, dwarf->units.n, sizeof *dwarf->units.v, by_start);
}

/* Goes on to the next entry of a tree in its own order, iteratively: into the children of STACK[*DEPTH] when INTO, else to the
 * next sibling, else up. False at the end. */
static bool next_entry(Dwarf_Die *stack, int *depth, bool into)
{
        if (into && *depth + 1 < DEPTH_MAX && dwarf_child(&stack[*depth], &stack[*depth + 1]) == 0) {
                (*depth)++;
                return true;
        }
        while (*depth > 0) {
                if (dwarf_siblingof(&stack[*depth], &stack[*depth]) == 0)
                        return true;
                (*depth)--;
        }
        return false;
}

/* Functions stand in units, namespaces, modules and types. */
static bool may_hold_functions(int tag)
{
        return tag == DW_TAG_compile_unit || tag == DW_TAG_namespace || tag == DW_TAG_module ||
               tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
               tag == DW_TAG_enumeration_type;
}

static void list_functions(struct unit *unit, Dwarf_Die *die)
{
        Dwarf_Die stack[DEPTH_MAX];
        int depth = 0;
        bool into = true;

        unit->listed = true;
        stack[0] = *die;
        for (size_t visits = 0; visits < VISITS_MAX && unit->functions.n < FUNCTIONS_MAX; visits++) {
                int tag;

                if (!next_entry(stack, &depth, into))
                        break;
                tag = dwarf_tag(&stack[depth]);
                if (tag == DW_TAG_subprogram)
                        add_ranges(&unit->functions, unit->split, &stack[depth]);
                into = may_hold_functions(tag);
        }
        if (unit->functions.n > 0)
                qsort(unit->functions.v, unit->functions.n, sizeof *unit->functions.v, by_start);
}

static struct unit *open_unit(struct dwarf *dwarf, Dwarf_Die *die)
{
        Dwarf_Off offset = dwarf_dieoffset(die);
        struct unit *unit;

        for (size_t i = 0; i < dwarf->n_opened; i++)
                if (dwarf->opened[i].die == offset)
                        return &dwarf->opened[i];
        array_grow(dwarf->opened, dwarf->n_opened, dwarf->cap_opened);
        unit = &dwarf->opened[dwarf->n_opened++];
        *unit = (struct unit){ .die = offset };
        if (dwarf_hasattr(die, DW_AT_dwo_name) || dwarf_hasattr(die, DW_AT_GNU_dwo_name)) {
                unit->split = dwarf_split_open(dwarf->skeletons, die);
                die = unit->split ? dwarf_split_unit(unit->split) : die;
        }
        list_functions(unit, die);
        return unit;
}

/* The name may stand in the abstract instance or the declaration that the entry points to; libdw follows, with a limit. */
static const char *string_of(Dwarf_Die *die, unsigned attribute)
{
        Dwarf_Attribute found;

        return dwarf_attr_integrate(die, attribute, &found) ? dwarf_formstring(&found) : NULL;
}

static bool is_c(Dwarf_Die *unit)
{
        int language = dwarf_srclang(unit);

        return language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 || language == DW_LANG_C11 ||
               language == DW_LANG_Mips_Assembler;
}

/* The declaration of a function or of an inlined call, which is what stands in the scope it belongs to. */
static void declaration_of(Dwarf_Die *die, Dwarf_Die *ret)
{
        static const unsigned leads[] = { DW_AT_abstract_origin, DW_AT_specification };
        Dwarf_Attribute found;
        Dwarf_Die next;

        *ret = *die;
        for (size_t hops = 0, i = 0; i < array_len(leads) && hops < 8; hops++) {
                if (!dwarf_attr(ret, leads[i], &found) || !dwarf_formref_die(&found, &next)) {
                        i++;
                        continue;
                }
                *ret = next;
                i = 0;
        }
}

/* What has no linkage name is qualified by the scopes that it is declared in, when they are of the same unit (dwz and link time
 * optimization move some elsewhere). UNIT_DIE is where the functions of UNIT are. */
static const char *qualify(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *unit_die, Dwarf_Die *die, const char *name)
{
        Dwarf_Die declaration;
        char *text;

        if (is_c(unit_die) || dwarf->n_qualified == array_len(dwarf->qualified))
                return name;
        declaration_of(die, &declaration);
        if (declaration.cu != unit_die->cu)
                return name;
        if (!unit->scopes_listed)
                dwarf_scopes_list(&unit->scopes, unit_die);
        unit->scopes_listed = true;
        text = dwarf_scopes_qualify(&unit->scopes, dwarf_dieoffset(&declaration), name);
        if (!text)
                return name;
        dwarf->qualified[dwarf->n_qualified++] = text;
        return text;
}

static void name_function(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *unit_die, Dwarf_Die *die, struct dwarf_frame *ret)
{
        ret->linkage = string_of(die, DW_AT_linkage_name);
        if (!ret->linkage)
                ret->linkage = string_of(die, DW_AT_MIPS_linkage_name);
        ret->name = string_of(die, DW_AT_name);
        if (ret->name && !ret->linkage)
                ret->name = qualify(dwarf, unit, unit->split ? dwarf_split_unit(unit->split) : unit_die, die, ret->name);
}

static uint32_t number_of(Dwarf_Die *die, unsigned attribute)
{
        Dwarf_Attribute found;
        Dwarf_Word value;

        if (!dwarf_attr(die, attribute, &found) || dwarf_formudata(&found, &value) != 0 || value > UINT32_MAX)
                return 0;
        return (uint32_t)value;
}

/* The section with the line tables; libdw has decompressed it in place if that was needed. */
static const uint8_t *line_section(struct dwarf *dwarf, size_t *ret_len)
{
        Elf *elf = dwarf_getelf(dwarf->dw);
        Elf_Scn *scn = NULL;
        size_t names;

        if (elf_getshdrstrndx(elf, &names) < 0)
                return NULL;
        while ((scn = elf_nextscn(elf, scn))) {
                GElf_Shdr shdr;
                Elf_Data *data;
                const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;

                if (!name || strcmp(name, ".debug_line") != 0 || shdr.sh_type == SHT_NOBITS)
                        continue;
                data = shdr.sh_flags & SHF_COMPRESSED ? NULL : elf_rawdata(scn, NULL);
                *ret_len = data && data->d_buf ? data->d_size : 0;
                return data ? data->d_buf : NULL;
        }
        return NULL;
}

static void read_md5(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *die)
{
        const uint8_t *section;
        Dwarf_Attribute found;
        Dwarf_Word offset;
        size_t len = 0, n;

        unit->md5_read = true;
        if (!dwarf_attr(die, DW_AT_stmt_list, &found) || dwarf_formudata(&found, &offset) != 0)
                return;
        section = line_section(dwarf, &len);
        n = section ? dwarf_files_md5(section, len, offset, NULL, 0) : 0;
        if (n == 0)
                return;
        unit->md5 = xcalloc(n, sizeof *unit->md5);
        unit->n_md5 = dwarf_files_md5(section, len, offset, unit->md5, n);
}

/* What is said of the file INDEX of UNIT, whose entry is DIE. */
static void describe_file(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *die, size_t index, Dwarf_Word mtime,
                          Dwarf_Word size, struct dwarf_source *ret)
{
        *ret = (struct dwarf_source){ .size = size, .mtime_ns = mtime < INT64_MAX / NS_PER_S ? mtime * NS_PER_S : 0 };
        if (!unit->md5_read)
                read_md5(dwarf, unit, die);
        if (index < unit->n_md5)
                memcpy(ret->md5, unit->md5[index], sizeof ret->md5);
}

static void place_by_line_table(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *die, uint64_t addr, struct dwarf_frame *ret)
{
        Dwarf_Line *line = dwarf_getsrc_die(die, addr);
        Dwarf_Word mtime = 0, size = 0;
        Dwarf_Files *files;
        size_t index;
        int number;

        ret->file = line ? dwarf_linesrc(line, &mtime, &size) : NULL;
        ret->line = line && dwarf_lineno(line, &number) == 0 && number > 0 ? (uint32_t)number : 0;
        if (ret->file && dwarf_line_file(line, &files, &index) == 0)
                describe_file(dwarf, unit, die, index, mtime, size, &ret->source);
}

/* Where CALL, an inlined function, was called from: that is the place in the function around it. */
static void place_by_call(struct dwarf *dwarf, struct unit *unit, Dwarf_Die *die, Dwarf_Die *call, struct dwarf_frame *ret)
{
        uint32_t index = number_of(call, DW_AT_call_file);
        Dwarf_Word mtime = 0, size = 0;
        Dwarf_Files *files;
        size_t n;
        bool own; /* a split unit may have a list of files of its own, else it means that of its skeleton */

        ret->line = number_of(call, DW_AT_call_line);
        own = unit->split && dwarf_getsrcfiles(dwarf_split_unit(unit->split), &files, &n) == 0;
        if ((!own && dwarf_getsrcfiles(die, &files, &n) != 0) || n > UNIT_SIZE_LINES_MAX || index >= n)
                return;
        ret->file = dwarf_filesrc(files, index, &mtime, &size);
        if (ret->file && !own)
                describe_file(dwarf, unit, die, index, mtime, size, &ret->source);
}

/* Fills CHAIN with the inlined calls around ADDR inside of CHAIN[0], outermost first; returns the length. */
static size_t find_inlined(const struct dwarf_split *split, Dwarf_Die *chain, size_t max, uint64_t addr)
{
        Dwarf_Die stack[DEPTH_MAX];
        bool into = true;
        size_t n = 1;
        int depth = 0, inside = 0; /* the depth of the last entry that covers ADDR */

        stack[0] = chain[0];
        for (size_t visits = 0; visits < VISITS_MAX && n < max; visits++) {
                int tag;

                if (!next_entry(stack, &depth, into) || depth <= inside)
                        break; /* siblings of what covers ADDR cannot cover it too */
                tag = dwarf_tag(&stack[depth]);
                into = false;
                if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
                        continue;
                if (!covers(split, &stack[depth], addr))
                        continue;
                into = true;
                inside = depth;
                if (tag == DW_TAG_inlined_subroutine)
                        chain[n++] = stack[depth];
        }
        return n;
}

size_t dwarf_lookup(struct dwarf *dwarf, uint64_t addr, struct dwarf_frame *ret, size_t max)
{
        const struct range *found;
        Dwarf_Die unit_die, chain[DEPTH_MAX];
        struct unit *unit;
        size_t n = 1, stored = 0;

        forget_qualified(dwarf);
        if (!dwarf->listed)
                list_units(dwarf);
        found = find(&dwarf->units, addr);
        if (!found || max == 0 || !dwarf_offdie(dwarf->dw, found->die, &unit_die))
                return 0;
        unit = open_unit(dwarf, &unit_die);
        found = find(&unit->functions, addr);
        if (!found || !dwarf_offdie(unit->split ? dwarf_split_dwarf(unit->split) : dwarf->dw, found->die, &chain[0])) {
                ret[0] = (struct dwarf_frame){ .dir = string_of(&unit_die, DW_AT_comp_dir) };
                place_by_line_table(dwarf, unit, &unit_die, addr, &ret[0]);
                return ret[0].file ? 1 : 0;
        }
        n = find_inlined(unit->split, chain, DEPTH_MAX, addr);
        for (size_t i = n; i > 0 && stored < max; i--, stored++) {
                ret[stored] = (struct dwarf_frame){ 0 };
                name_function(dwarf, unit, &unit_die, &chain[i - 1], &ret[stored]);
                ret[stored].dir = string_of(&unit_die, DW_AT_comp_dir);
                if (i == n)
                        place_by_line_table(dwarf, unit, &unit_die, addr, &ret[stored]);
                else
                        place_by_call(dwarf, unit, &unit_die, &chain[i], &ret[stored]);
        }
        return stored;
}
