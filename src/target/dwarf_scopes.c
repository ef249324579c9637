#include "target/dwarf_scopes.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SCOPES_MAX ((size_t)1 << 17)
#define VISITS_MAX ((size_t)1 << 20)

/* Entries while the tree is walked, from the unit inwards. */
struct way {
        Dwarf_Die die[DWARF_SCOPES_DEPTH];
        size_t scope[DWARF_SCOPES_DEPTH]; /* that was made of it; SIZE_MAX = none */
        int depth;
};

static bool is_scope(int tag)
{
        return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
               tag == DW_TAG_union_type || tag == DW_TAG_interface_type;
}

/* Ends the scopes of the entries from the way's depth to DEEPEST: what comes next stands at OFFSET. */
static void end_scopes(struct dwarf_scopes *scopes, const struct way *way, int deepest, Dwarf_Off offset)
{
        for (int i = way->depth; i <= deepest; i++)
                if (way->scope[i] != SIZE_MAX)
                        scopes->v[way->scope[i]].end = offset;
}

/* Goes on to the next entry in the tree's own order, into the last one when it is a scope. False at the end. */
static bool next(struct dwarf_scopes *scopes, struct way *way, bool into)
{
        int deepest = way->depth;

        if (into && way->depth + 1 < DWARF_SCOPES_DEPTH && dwarf_child(&way->die[way->depth], &way->die[way->depth + 1]) == 0) {
                way->depth++;
                return true;
        }
        while (way->depth > 0) {
                Dwarf_Die sibling;

                if (dwarf_siblingof(&way->die[way->depth], &sibling) == 0) {
                        end_scopes(scopes, way, deepest, dwarf_dieoffset(&sibling));
                        way->die[way->depth] = sibling;
                        return true;
                }
                way->depth--;
        }
        return false;
}

static size_t add(struct dwarf_scopes *scopes, struct way *way)
{
        Dwarf_Die *die = &way->die[way->depth];
        const char *name = dwarf_diename(die);
        size_t outer = SIZE_MAX;

        for (int i = way->depth - 1; i > 0 && outer == SIZE_MAX; i--)
                outer = way->scope[i];
        if (!name)
                name = dwarf_tag(die) == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
        array_grow(scopes->v, scopes->n, scopes->cap);
        scopes->v[scopes->n++] = (struct dwarf_scope){ dwarf_dieoffset(die), UINT64_MAX, name, outer };
        return scopes->n - 1;
}

void dwarf_scopes_list(struct dwarf_scopes *scopes, Dwarf_Die *unit)
{
        struct way way = { .depth = 0 };
        bool into = true;

        way.die[0] = *unit;
        way.scope[0] = SIZE_MAX;
        for (size_t visits = 0; visits < VISITS_MAX && scopes->n < SCOPES_MAX && next(scopes, &way, into); visits++) {
                into = is_scope(dwarf_tag(&way.die[way.depth]));
                way.scope[way.depth] = into ? add(scopes, &way) : SIZE_MAX;
        }
}

void dwarf_scopes_done(struct dwarf_scopes *scopes)
{
        free(scopes->v);
        *scopes = (struct dwarf_scopes){ 0 };
}

/* The innermost scope that holds OFFSET: the last that starts before it, or one around that. */
static size_t find(const struct dwarf_scopes *scopes, Dwarf_Off offset)
{
        size_t low = 0, high = scopes->n, at;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (scopes->v[middle].start < offset)
                        low = middle + 1;
                else
                        high = middle;
        }
        at = low > 0 ? low - 1 : SIZE_MAX;
        while (at != SIZE_MAX && offset >= scopes->v[at].end)
                at = scopes->v[at].outer; /* smaller each time: an outer scope is listed first */
        return at;
}

char *dwarf_scopes_qualify(const struct dwarf_scopes *scopes, Dwarf_Off offset, const char *name)
{
        size_t at = find(scopes, offset), way[DWARF_SCOPES_DEPTH], n = 0, len = strlen(name) + 1;
        struct buf text = { 0 };

        for (; at != SIZE_MAX && n < DWARF_SCOPES_DEPTH; at = scopes->v[at].outer) {
                len += strnlen(scopes->v[at].name, DWARF_SCOPES_NAME) + 2;
                way[n++] = at;
        }
        if (n == 0 || len > DWARF_SCOPES_NAME)
                return NULL;
        while (n > 0) {
                buf_puts(&text, scopes->v[way[--n]].name);
                buf_puts(&text, "::");
        }
        buf_puts(&text, name);
        return buf_take(&text);
}
