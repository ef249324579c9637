/* What words on the screens mean, for the help page: columns, classes, signs. */
#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

struct term {
        const char *word, *text; /* text "": WORD is a heading */
};

static const struct term tables[] = {
        { "WORDS", "" },
        { "before attach",
          "what was on the heap already, without stacks: the heap in use less the sites. It moves with their "
          "error; CHANGE is ? within it" },
        { "LIVE 1s", "in the title: the screen follows the process, new data every second" },
        { "alive", "under the chart of a wide screen: when that was born what the selected site still has" },
        { NULL, NULL },
};

static const struct term classes[] = {
        { "CLASS", "" },
        { "growing", "grows with no sign of levelling (class:leak finds it, too)" },
        { "flat", "neither grows nor shrinks, as far as the window shows" },
        { "shrinking", "gives back more than it takes" },
        { "young", "too new, or too few samples, to say" },
        { "expected", "as it should be: somebody said so (X, expected.supp)" },
        { NULL, NULL },
};

static const struct term tree[] = {
        { "COLUMNS", "" },
        { "LIVE", "bytes allocated in this function or in what it calls, and not freed; an estimate" },
        { "SHARE", "LIVE as a part of the whole tree" },
        { "+/min", "growth of LIVE a minute; the lines add up to the site's rate; ? is too short to say" },
        { "WHERE", "file and line of the call, else the module" },
        { "v +", "an open branch, a folded one" },
        { "~", "the nearest known name, or a frame found by guessing" },
        { "(inl)", "inlined into the line above" },
        { "(rt)", "a frame of the allocator or the language runtime" },
        { "...", "the stack goes on, but was cut here" },
        { NULL, NULL },
};

static const struct term before[] = {
        { "COLUMNS", "" },
        { "SIZE", "of the blocks, as the allocator set it aside: 1000 bytes are 1008" },
        { "LEFT", "what is still there of them; an estimate, and beside it its error" },
        { "AT ATTACH", "what there was when heaptop attached" },
        { "STILL THERE", "LEFT as a part of it: what stays at 100 % is never freed" },
        { NULL, NULL },
};

static const struct term marks[] = {
        { "COLUMNS", "" },
        { "KEPT", "born after the first mark and alive at the second" },
        { "BLOCKS", "of them, blocks" },
        { "NET", "LIVE at the second mark less LIVE at the first" },
        { "KEPT/BORN", "how much of what was born in between was kept; near 100 % in a leak" },
        { "GEN1-6", "KEPT of each sixth of the time: flat bars leak, falling bars warm a cache, only the "
                    "last is work in flight" },
        { "LISTS", "" },
        { "GROWN", "sites by NET" },
        { "NEW", "sites that were not there at the first mark" },
        { "FREED", "what was older than the first mark and is gone at the second" },
        { NULL, NULL },
};

static const struct term flame[] = {
        { "BOXES", "" },
        { "width", "the bytes of a function and what it calls; b chooses which bytes" },
        { "+", "children narrower than a cell" },
        { "*name*", "the selected one" },
        { NULL, NULL },
};

static const struct term alerts[] = {
        { "COLUMNS", "" },
        { "RULE", "what is watched, as heaptop(5) explains under ALERT RULES" },
        { "STATE", "ok, firing, or muted" },
        { "LEFT", "time until it fires if the rate of now holds" },
        { "ACTION", "what happens then" },
        { NULL, NULL },
};

static const struct term processes[] = {
        { "COLUMNS", "" },
        { "RSS", "the memory the process has now" },
        { "GROWTH/min", "growth of RSS over LAST 60 s" },
        { "SHAPE", "steady, noisy, sawtooth or plateau, once there is enough to say" },
        { "LAST 60 s", "RSS over the last minute" },
        { "LIMIT", "the memory limit of its cgroup; - is none" },
        { "KIND", "the language or runtime, as far as it shows from outside" },
        { "~", "in front: heaptop records this process already" },
        { NULL, NULL },
};

static const struct term sessions[] = {
        { "COLUMNS", "" },
        { "LENGTH", "how much time the session covers" },
        { "SIZE", "of the file" },
        { "STATE", "LIVE: it is being recorded now" },
        { NULL, NULL },
};

static const struct term nothing[] = { { NULL, NULL } };

static void add(struct buf *out, const char *word, const char *text, int width)
{
        int indent = width > 50 ? 13 : 9;
        size_t start = out->len;

        if (!text[0]) {
                buf_printf(out, "%s\n", word);
                return;
        }
        buf_printf(out, " %-*s ", indent - 2, word);
        help_add_sentence(out, &start, text, indent, width);
}

static void add_all(struct buf *out, const struct term *terms, int width)
{
        for (; terms->word; terms++)
                add(out, terms->word, terms->text, width);
}

/* The figures that every screen shows come first, so that they and the classes stand on the first page. */
static void add_site_columns(struct buf *out, int width, bool first)
{
        static const char *const main_ones = " live change rate age ";
        const char *name, *title, *help;

        buf_puts(out, first ? "COLUMNS\n" : "MORE COLUMNS (o chooses)\n");
        for (size_t i = 0; sites_column(i, &name, &title, &help); i++) {
                char word[32];

                snprintf(word, sizeof word, " %s ", name);
                if (strcmp(name, "class") != 0 && (strstr(main_ones, word) != NULL) == first)
                        add(out, title, help, width);
        }
}

void help_add_terms(struct buf *out, enum view view, int width)
{
        static const struct term *const of[VIEWS] = {
                [VIEW_STACK] = tree,        [VIEW_BEFORE] = before, [VIEW_MARKS] = marks,
                [VIEW_FLAME] = flame,       [VIEW_ALERTS] = alerts, [VIEW_PICKER] = processes,
                [VIEW_SESSIONS] = sessions, [VIEW_ERROR] = nothing,
        };

        if (of[view]) {
                add_all(out, of[view], width);
        } else {
                add_site_columns(out, width, true);
                add_all(out, classes, width);
                add_site_columns(out, width, false);
                add_all(out, tables, width);
        }
        if (view == VIEW_MARKS)
                add_all(out, classes, width);
}
