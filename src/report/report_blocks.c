/* What the blocks of a site are like, for reports: the same as beside the call tree on screen. */
#include "report/json.h"
#include "report/report_parts.h"
#include "model/inspect.h"

#include "base/alloc.h"

#include <jansson.h>

static json_t *parts_list(const struct inspect_parts *parts)
{
        json_t *list = json_array();

        for (size_t i = 0; i < parts->n; i++)
                json_array_append_new(list, json_pack("{s:o, s:o}", "name", json_text(parts->v[i].name), "bytes",
                                                      json_integer(parts->v[i].bytes)));
        return list;
}

static json_t *ages_list(const struct inspection *seen)
{
        static const int to_s[HEAP_AGES] = { 60, 600, 3600, 6 * 3600, 0 };
        json_t *list = json_array();

        for (int i = 0; i < HEAP_AGES; i++)
                json_array_append_new(list, json_pack("{s:o, s:o}", "below_s", to_s[i] ? json_integer(to_s[i]) : json_null(), "bytes",
                                                      json_integer(seen->ages[i])));
        return list;
}

static json_t *sizes_list(const struct inspection *seen)
{
        json_t *list = json_array();

        for (size_t i = 0; i < seen->n_sizes; i++)
                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "from", json_number(seen->sizes[i].from), "to",
                                                      json_number(seen->sizes[i].to), "bytes", json_integer(seen->sizes[i].bytes),
                                                      "blocks", json_integer(seen->sizes[i].blocks)));
        return list;
}

static json_t *lifetimes_list(const struct inspection *seen)
{
        static const int to_s[INSPECT_LIFETIMES] = { 1, 60, 600, 0 };
        json_t *list = json_array();

        if (!seen->lifetimes_known) {
                json_decref(list);
                return json_null();
        }
        for (int i = 0; i < INSPECT_LIFETIMES; i++)
                json_array_append_new(list, json_pack("{s:o, s:o}", "below_s", to_s[i] ? json_integer(to_s[i]) : json_null(), "bytes",
                                                      json_integer(seen->lifetimes[i])));
        return list;
}

json_t *report_blocks(struct heap *heap, uint32_t site)
{
        struct inspection *seen = xcalloc(1, sizeof *seen);
        json_t *object = json_null();

        if (inspect_site(heap, site, seen) >= 0)
                object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "ages", ages_list(seen), "sizes", sizes_list(seen),
                                   "lifetimes", lifetimes_list(seen), "freed_bytes", json_integer(seen->freed_bytes), "threads",
                                   parts_list(&seen->threads), "n_threads", json_integer((json_int_t)seen->n_threads), "libraries",
                                   parts_list(&seen->libraries), "allocators", parts_list(&seen->allocators), "n_stacks",
                                   json_integer((json_int_t)seen->n_stacks));
        free(seen);
        return object;
}
