/* ui_state: what the screens share: the whole of struct ui, for the files of this folder only. */
#pragma once

#include "base/buf.h"
#include "base/pathmap.h"
#include "model/inspect.h"
#include "tui/table.h"
#include "tui/ui.h"

enum {
        SURVIVORS_MAX = 512, /* columns */
        CHART_ROWS = 1024, /* process rows kept for a chart: thinned to half of it, then filled up */
        LIST_MAX = 20000,  /* rows a list can be scrolled through; the filter reaches the rest */
        LIST_AHEAD = 256,  /* rows below those on screen that are at hand */
        HISTORY_LINES = 32,
        FOOTER_KEYS = 32,
        TEXT_MAX = 128,    /* what can be typed into a prompt */
        TREE_ROWS_MAX = 20000,
        NARROW = 60,
        LOW = 14,        /* below this the tiny layout is drawn */
        TINIEST = 3,     /* so few lines hold only the most important words */
        SIDE_PANE = 130, /* so many columns leave room for a pane beside the table */
};

/* Rows of the process, thinned. */
struct rows {
        struct rec_process row[CHART_ROWS];
        size_t n;
};

/* A mark or event on the time line. */
struct moment {
        uint32_t tick;
        uint64_t time_ns;
        char letter;
        bool is_mark, is_alert;
        uint32_t id;   /* of the mark */
        char label[8]; /* its letter, whatever it is called */
        char text[96];
};

/* In one column marks are drawn over thresholds, those over what became of the process, and that over the rest. (replay.c) */
enum { MOMENT_RANKS = 4 };
int moment_rank(const struct moment *moment);

struct span_ns {
        uint64_t from_ns, to_ns;
};

/* How well a source file goes with the program. */
enum source_match {
        SOURCE_FITS,   /* size and sum are those that were compiled, or nothing speaks against it */
        SOURCE_NEWER,  /* it was changed after the program was made */
        SOURCE_DIFFERS, /* it is another than the one that was compiled */
};

/* What is being typed into the last line. Each view defines those that it asks for. */
struct prompt_type {
        const char *name;                                              /* "filter: " */
        const char *(*hint)(const struct ui *ui);                      /* what can be typed; never NULL */
        const char *(*begin)(struct ui *ui);                           /* the text it opens with; NULL = none */
        void (*typed)(struct ui *ui, const char *text);                /* after each key; NULL = only Enter counts */
        enum ui_action (*accept)(struct ui *ui, const char *text);     /* Enter; the prompt is closed already */
        void (*cancel)(struct ui *ui);                                 /* Esc; NULL = nothing to undo */
        void (*step)(struct ui *ui, int by);                           /* Up (-1) and Down; NULL = older lines */
        void (*complete)(struct ui *ui, char *text);                   /* Tab: TEXT_MAX bytes that may grow; NULL = nothing */
        bool moves_list;                                               /* Up and Down are for the view's list, not for older lines */
};

/* One visible line of the call tree. */
struct tree_row {
        uint32_t node;
        uint64_t path; /* hash of the frames from the root: finds the row again in the next tick's tree */
        int depth;     /* as drawn */
        bool parent, open;
};

/* What the frames at a line of the source file hold. */
struct source_sum {
        uint32_t line;
        int64_t live_bytes;
        double rate_per_min;
};

struct stack_state {
        uint32_t site; /* 0 = all sites */
        bool inverted;
        bool runtime;    /* frames of the runtime are shown */
        bool no_inlined; /* inlined calls are folded into their callers */
        int limit;          /* an index of stack_limits[] */
        struct table table; /* ids are paths */
        struct tree_row *rows;
        size_t n_rows, cap_rows;
        size_t n_hidden, n_runtime, n_inlined; /* frames that are folded away */
        uint64_t *folded; /* paths of folded branches */
        size_t n_folded, cap_folded;
        char find[TEXT_MAX];
        struct tree tree; /* of (tree_site, tree_inverted, tree_metric) at NOW, while has_tree */
        bool has_tree, tree_inverted;
        uint32_t tree_site;
        enum tree_metric tree_metric;
        /* the site looked at closely, at NOW */
        struct inspection *inspection; /* NULL = not yet */
        bool inspected;
        uint32_t inspected_site;
        /* the source file shown */
        bool in_source;         /* keys scroll it */
        bool source_shown;      /* there was room for it when the view was last drawn */
        uint32_t source_lines;
        long source_scroll;     /* lines from where it would stand by itself */
        int source_y, source_height; /* as last drawn */
        struct source_sum *source_sums; /* bytes of its lines; NULL = not added up for this tree */
        size_t n_source_sums;
        char *source;           /* its text; NULL = there is none */
        char *source_path;      /* as the frame names it; NULL = none was looked for yet */
        char *source_found;     /* where it was found */
        bool source_editable;   /* whoever opens that path gets the same file */
        uint32_t source_frame;
        enum source_match source_match;
};

/* A time range picked on the chart (range.c). */
struct range_state {
        bool set;             /* tables show what was born in it and still lives */
        bool failed;          /* nothing can be told of it */
        int picking;          /* 0 = nothing, 1 = its start, 2 = its end */
        uint64_t cursor_ns;   /* where the cursor is while it is picked */
        uint64_t from_ns;     /* the start that was picked */
        uint32_t from, to;    /* ticks */
        uint32_t computed;    /* the moment COMPARE is about */
        struct compare *compare;
        bool pressed;         /* the mouse button went down on the chart, */
        int pressed_x;        /* here */
};

/* The cells of a chart. */
struct chart_place {
        int x, y, columns, height; /* columns 0 = there is none */
        struct span_ns span;
};

/* The state of these views is private to their files; NULL until they are needed. */
struct marks_view;
struct flame_view;
struct alerts_view;
struct menu_view;
struct options_view;
struct error_view;

struct ui {
        enum ui_mode mode;
        enum view view, overlay; /* overlay: VIEWS = none */
        enum view parent;        /* where `q` leads from a view that a row was entered for; VIEWS = to the top */
        struct heap *heap;
        struct picker *picker;
        const struct pathmap *source_map; /* may be NULL */
        struct settings *settings, own_settings; /* SETTINGS is never NULL */
        struct suppress *expected; /* may be NULL */
        bool shows_expected;       /* in the tables, marked */
        char file[512];
        uint64_t now_ns;

        /* time */
        uint32_t last; /* the newest tick */
        bool held;     /* live, but the picture stays where it is */
        bool playing;
        bool plain;              /* lines with labels instead of charts and tables */
        bool reading;            /* nothing has been read yet, but it is going on */
        bool marked;             /* a mark was asked for: it is read with the next ui_advance() */
        int speed;          /* an index of ui_speeds[] */
        uint64_t play_ns;   /* where a playing replay is, in the recording's time */
        int zoom;           /* an index of the spans; 0 = everything */
        int timeline_zoom;  /* likewise, of the time line around NOW */
        int timeline_width; /* columns of the time line when it was last drawn */
        bool flame_pane;    /* the replay shows a flame graph, */
        bool in_flame;      /* and the keys that move are for it */
        int tab_gap;
        bool ended;
        char end_reason[200];
        bool awaited;        /* the next session of the service */
        uint64_t file_bytes; /* of the session; 0 = not known */

        /* what was fetched for NOW */
        struct rows lately;     /* the window of the rate, finely: for figures */
        struct rows recent;     /* the chart of the overview */
        struct rows whole;      /* all of the recording, for the time line */
        struct rows zoomed;     /* what the time line shows when it is zoomed */
        struct span_ns zoomed_span;
        struct { /* under the chart of a wide overview: the last answer */
                uint64_t site;
                uint32_t tick;
                struct span_ns span;
                int n;
                double values[SURVIVORS_MAX];
        } alive;
        uint32_t zoomed_last;   /* the newest tick when that was read */
        struct moment *moments; /* all, in order of time */
        size_t n_moments, cap_moments;
        struct span_ns *gaps;
        size_t n_gaps, cap_gaps;
        uint32_t base; /* the tick that changes count from; 0 = the attach */
        char base_name[32];

        /* the table of sites */
        struct table sites;
        enum heap_sort sort;
        bool reverse;
        char filter[TEXT_MAX];
        bool bad_filter;
        uint64_t order_until_ns;      /* the order is held */
        int columns_y, columns_width; /* the title line of the table on screen, for the mouse; y -1 = none */
        struct stack_state stack;
        enum tree_metric metric;      /* what stack and flame compare branches by */
        enum tree_metric own_metric;  /* while METRIC is LENT by a comparison or a range: what was chosen by `b` */
        bool lent_metric;
        struct span_ns kept;          /* TREE_KEPT counts what was born in it; both 0 = since BASE */
        struct range_state range;
        struct chart_place chart;     /* where it was drawn last */
        struct table sizes; /* of blocks from before the attach; ids are classes */

        /* the picker */
        struct table processes, sessions;
        int picker_sort;
        bool picker_reverse;
        char picker_filter[TEXT_MAX], picker_user[16];
        bool picker_tree;               /* processes stand below their parents */
        struct picker_row *picker_rows; /* then: where, by pid */
        size_t n_picker_rows;
        int32_t pid;
        uint64_t mark_asked_ns; /* when the last mark was asked for, by the name MARK_NAME; 0 = none yet */
        char path[512], mark_name[TEXT_MAX];
        uint32_t mark_id;

        struct marks_view *marks;
        struct flame_view *flame;
        struct alerts_view *alerts;
        struct menu_view *menu;
        struct options_view *options;
        struct error_view *error;

        /* the mouse */
        struct {
                int x, width;
                enum command command;
        } footer[FOOTER_KEYS];
        size_t n_footer;
        int footer_y;             /* -1 = there is none on screen */
        uint64_t clicked, clicked_ns; /* the row and when; TABLE_NONE = none */
        enum view clicked_view;

        /* typing */
        const struct prompt_type *prompt; /* NULL = nothing is asked */
        char typed[TEXT_MAX];
        size_t typed_at;          /* where the cursor is in it */
        int history_at;           /* which of HISTORY is shown; -1 = what is being typed */
        struct {
                const struct prompt_type *prompt; /* NULL = none */
                char text[TEXT_MAX];
        } history[HISTORY_LINES];
        char searched[TEXT_MAX];  /* the last filter of a table, for n and N */
        char exported[TEXT_MAX], export_words[TEXT_MAX]; /* E: the format of the last time, and all that was typed */

        char message[256];
        uint64_t message_until_ns;
        bool hint;                /* one comes when the message is gone */
        bool is_hint;             /* the message is one */
        size_t scroll; /* of the overlay */
        size_t scroll_max;
        char *copied;
};

extern const int ui_speeds[];
extern const size_t ui_n_speeds;

/* ---- what a view is (views.c has the table) ---- */

struct view_type {
        void (*draw)(struct ui *ui, struct canvas *canvas);
        struct table *(*table)(struct ui *ui); /* the list its cursor moves in; NULL = none (an overlay is scrolled as text) */
        /* Commands that are its own, before the common ones get them. True: done; *RET is UI_NOTHING before. NULL = none. */
        bool (*command)(struct ui *ui, enum command command, enum ui_action *ret);
        /* Likewise a click, wheel or drag. NULL = only its list and the tabs can be clicked. */
        bool (*mouse)(struct ui *ui, const struct key_event *event, enum ui_action *ret);
        /* The frame that is selected, or NULL; its tree in *RET_TREE, which may be NULL. NULL = its rows are no frames. */
        const struct tree_node *(*frame)(struct ui *ui, const struct tree **ret_tree);
        void (*find)(struct ui *ui, int direction); /* to the next (1) or previous (-1) match of stack.find; NULL = cannot */
        /* What row I of its list says, with labels, for --plain; NULL = plain.c knows it. */
        void (*line)(struct ui *ui, size_t i, char *ret, size_t size);
        void (*about)(struct ui *ui, char *ret, size_t size); /* likewise what stands above all rows */
        /* Likewise lines below them, from Y to BOTTOM; NULL = none. */
        void (*below)(struct ui *ui, struct canvas *canvas, int y, int bottom);
        void (*show)(struct ui *ui);   /* about to be shown after another view; NULL = nothing to prepare */
        void (*forget)(struct ui *ui); /* the heap moved: its strings are gone; NULL = keeps none */
        void (*done)(struct ui *ui);   /* frees the view's state; NULL = has none */
};
const struct view_type *view_type(enum view view);

/* The heap moved, or goes away: no view may keep strings of it. */
void views_forget(struct ui *ui);

/* Shows VIEW (with its `show`), or lays OVERLAY over what is shown; VIEWS = none. (commands.c) */
void show_view(struct ui *ui, enum view view);

/* Likewise, by way of a row of the view that is shown: `q` leads back to it. */
void enter_view(struct ui *ui, enum view view);
void open_overlay(struct ui *ui, enum view overlay);

/* COMMAND in the view that is shown, as its key would do it. (commands.c) */
enum ui_action run_command(struct ui *ui, enum command command);
enum ui_action ui_settings_changed(struct ui *ui); /* settings were: what the screens keep beside them follows */
bool search_key(struct ui *ui, enum command command); /* n N # in tables (search.c) */
void menu_show_sorts(struct ui *ui); /* the columns to sort by */

void overview_draw(struct ui *ui, struct canvas *canvas);
void sites_draw(struct ui *ui, struct canvas *canvas);
struct table *sites_list(struct ui *ui);
void stack_draw(struct ui *ui, struct canvas *canvas);
struct table *stack_list(struct ui *ui);
void before_draw(struct ui *ui, struct canvas *canvas);
struct table *before_table(struct ui *ui);
void before_update(struct ui *ui); /* the rows of its list anew */
/* Draws the view in plain lines where that is wanted and can be done (plain.c); false: it has to draw itself. */
bool plain_draw(struct ui *ui, struct canvas *canvas);
void tiny_draw(struct ui *ui, struct canvas *canvas); /* either of them on a screen that is_tiny() */
void replay_draw(struct ui *ui, struct canvas *canvas);
bool replay_command(struct ui *ui, enum command command, enum ui_action *ret);
bool replay_mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret);
void picker_draw(struct ui *ui, struct canvas *canvas);
struct table *processes_list(struct ui *ui);
void sessions_draw(struct ui *ui, struct canvas *canvas);
struct table *sessions_list(struct ui *ui);
void help_draw(struct ui *ui, struct canvas *canvas);
void logview_draw(struct ui *ui, struct canvas *canvas);
void info_draw(struct ui *ui, struct canvas *canvas);
extern const struct view_type marks_type, flame_type, alerts_type, error_type, ended_type, menu_type, options_type;

/* G at the end of what has ended, once more: the page of the end (ended.c). */
bool ended_again(struct ui *ui, enum command command);

/* ---- shared by the views (frame.c) ---- */

/* Is the canvas too small for the full layout? */
bool is_tiny(const struct canvas *canvas);

/* Title and tabs; returns the first free row. */
int frame_top(struct ui *ui, struct canvas *canvas);
/* The tab at column X of the tabs' line, or VIEWS. */
enum view frame_tab_at(const struct ui *ui, int x);
/* The footer with VIEW's keys, or the prompt, or the message, on the last row; returns that row (where the
 * body ends). */
int frame_bottom(struct ui *ui, struct canvas *canvas, enum view view);
/* The most important words only, flowing over the few lines there are. */
void frame_words(struct canvas *canvas, const char *const *words, size_t n);
/* A box in the middle over what is there; returns the text area in *RET_X.. */
void frame_box(struct canvas *canvas, const char *title, int width, int height, int *ret_x, int *ret_y,
               int *ret_width, int *ret_height);
/* "-- title ------------------ right" */
void frame_rule(struct canvas *canvas, int x, int y, int width, const char *title, const char *right);
/* Writes the words of ITEMS that fit into ROOM, with GAP cells between; empty ones are left out. Returns the
 * cells used. */
int frame_items(struct canvas *canvas, int x, int y, int room, int gap, enum style style,
                const char *const *items, size_t n);
/* Right-aligned in [X, X + ROOM). */
/* TEXT in lines up to the right edge, cut between words, from X, Y on; returns the row behind the last one, at most BOTTOM. */
int frame_wrapped(struct canvas *canvas, int x, int y, int bottom, enum style style, const char *text);
void frame_right(struct canvas *canvas, int x, int y, int room, enum style style, const char *text);
/* COMMAND without the folder of the program: a pointer into it. */
const char *short_command(const char *command);
/* Marks the title of the column that is sorted by, in the cell behind it. */
void frame_sort_mark(struct canvas *canvas, int x, int y, bool reverse);
/* "+-" or its character */
const char *plus_minus(const struct canvas *canvas);

/* TEXT (lines, those that do not begin with a space are headings) in a box, scrolled by the overlay's keys.
 * (help.c) */
void help_text_box(struct ui *ui, struct canvas *canvas, const char *title, const char *text, int width,
                   int height);
/* For texts that flow: WORD or the words of TEXT behind what began in OUT at *START, on a new line with INDENT cells where they do not
 * fit into WIDTH. (help.c) What the words on VIEW's screen mean. (help_terms.c) */
struct buf;
void help_add_word(struct buf *out, size_t *start, const char *word, const char *gap, int indent, int width);
void help_add_sentence(struct buf *out, size_t *start, const char *text, int indent, int width);
void help_add_terms(struct buf *out, enum view view, int width);

/* ---- numbers made from rows (facts.c) ---- */

struct facts {
        bool known;                     /* there are data */
        double error_share;             /* +- share of the live estimate, 95 %; NAN = not known */
        double cost_share;              /* time of the target spent in the probe; NAN = too short to say */
        double own_share;               /* of a processor, for the recorder; NAN likewise */
        double alloc_per_s, free_per_s; /* bytes; NAN = too short to say */
        double alloc_calls_per_s, free_calls_per_s;
        double rate, rate_error; /* of the heap, bytes a minute; rate NAN = too short to say */
        bool significant;        /* the rate is larger than its error */
        double seen_share; /* how much of the RSS growth the heap explains; NAN when RSS does not grow much */
        uint64_t rss;      /* bytes, all kinds */
        uint64_t to_limit_ns; /* until the limit at today's rate; 0 = cannot say */
        uint64_t soonest_ns, latest_ns; /* the same at the ends of the rate's interval */
};

void facts_get(struct ui *ui, struct facts *ret);
/* The sentence of line 3. */
/* "+2.1 MB/min +-0.2": PER_MIN and ERROR in bytes, three digits at most. RET has SIZE bytes and is returned. */
const char *rate_words(const struct canvas *canvas, double per_min, double error, char *ret, size_t size);
void facts_sentence(struct ui *ui, const struct canvas *canvas, const struct facts *facts, int room,
                    char *ret, size_t size);

/* ---- alerts.c ---- */

/* The recording has grown, or the rules have changed: what was crossed. Live, what is new is told. */
void alerts_update(struct ui *ui);
void alerts_leave_heap(struct ui *ui); /* another one comes: what this one said is forgotten, the user's rules stay */
bool alerts_wait(const struct ui *ui); /* there is more to look at: call again soon */
void alerts_add(struct ui *ui);        /* a new rule is typed */

/* How many crossings there are; the I-th into RET, with is_alert when it begins to fire (RET may be NULL). */
size_t alerts_crossed(struct ui *ui, size_t i, struct moment *ret);

/* Since when a site has been growing, the earliest of those that grow at NOW; 0 = none does. */
uint64_t alerts_growing_since_ns(struct ui *ui);
/* The rule that fires next at the rate of NOW: "WARN rss > 75% in 59m"; "" = none in sight. */
const char *alerts_next(struct ui *ui, char *ret, size_t size);

/* Does a rule fire at NOW that rings the bell and is not muted? */
bool alerts_ring(struct ui *ui);
/* How many rules fire at NOW, and the worst of them in words. */
size_t alerts_firing(struct ui *ui, char *ret, size_t size);

/* ---- charts (chart.c) ---- */

/* A level that the heap in use is measured against. */
struct chart_line {
        double bytes;
        enum style style;
        char name[48];
};

/* Thresholds of the heap, and the limit. Returns how many. (alerts.c) */
size_t alerts_lines(struct ui *ui, struct chart_line ret[], size_t max);

struct chart_span {
        uint64_t from_ns, to_ns;
};

/* Fills X.., with labels to the left (CHART_LABEL cells) and HEIGHT rows. */
enum { CHART_LABEL = 7 };
void chart_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                const struct rows *rows, struct chart_span span);
/* The times, marks and events under it. */
void chart_axis(struct ui *ui, struct canvas *canvas, int x, int y, int width, struct chart_span span,
                bool now);
/* What the overview shows: a round span that ends now. */
struct chart_span chart_recent_span(struct ui *ui, int width);
/* N values of the heap in use over all of ROWS; NAN in gaps. */
void chart_values(struct ui *ui, const struct rows *rows, double *ret, int n);
/* How long a trend is. */
uint64_t chart_span_ns(struct ui *ui);
void chart_zoom(struct ui *ui, int step);
/* What the time line shows: all of the recording, or a part around NOW that moves on by quarters. */
struct chart_span chart_timeline_span(struct ui *ui);
const struct rows *chart_timeline_rows(const struct ui *ui);
void chart_zoom_timeline(struct ui *ui, int step);

/* ---- the table of sites (sites.c) ---- */

/* Titles at Y, rows below; HEIGHT counts both. */
void sites_table(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height);
/* "1,204 sites, 9 shown   by rate   order holds 4 s" */
void sites_status(struct ui *ui, struct canvas *canvas, int x, int y, int width);
/* Asks the model anew for the list. */
void sites_refresh(struct ui *ui);
/* The list beyond what the screen shows, in its order; SELECTED (TABLE_NONE = the first) stays selected. */
void sites_complete(struct ui *ui, uint64_t selected);
/* The same when moving by ROWS comes near the end of what is listed. */
void sites_reach(struct ui *ui, long rows);
void sites_sort_column(struct ui *ui, int step);
void sites_mark_expected(struct ui *ui); /* X: the selected site is expected, or no longer */
void sites_show_expected(struct ui *ui); /* Y: those that are, too, or not */
void sites_next_limit(struct ui *ui); /* L: hide more of the small ones, or none */
/* The columns by their index, false = no more: how the config file calls it, its title, what it is. And by its name. (site_columns.c) */
bool sites_column(size_t index, const char **ret_name, const char **ret_title, const char **ret_help);
const char *sites_column_help(const char *name);

/* What a list can be sorted by, for the menu: at most MAX; returns how many. sites_sort_by() and picker_sort_by() take the id. */
struct sort_choice {
        const char *name;
        int id;
        bool current, reverse;
};
size_t sites_sort_choices(struct ui *ui, struct sort_choice *ret, size_t max);
void sites_sort_by(struct ui *ui, int id);
void sites_sort_at(struct ui *ui, int x);
enum style class_style(uint32_t class);
const char *sites_class_text(uint32_t class, int room);
/* The name to the left, file:line to the right. */
void sites_put_name(struct canvas *canvas, int x, int y, int room, const struct heap_site *site);
/* A rate for a column: "?" = too short to say, "+0.1M?" = less than its error. RET has FMT_MAX bytes. */
const char *rate_text(char *ret, double rate, double error);

/* ---- stack.c ---- */
void stack_show(struct ui *ui, uint32_t site);
void stack_forget(struct ui *ui);
void stack_show_selected(struct ui *ui); /* the site that is selected in the table */
void stack_done(struct stack_state *stack);
void stack_update(struct ui *ui);   /* the visible rows anew */
extern const double stack_limits[]; /* shares of the whole below which branches are hidden */
bool stack_matches(const struct stack_state *stack, const struct tree_node *node);
bool stack_key(struct ui *ui, enum command command, enum ui_action *ret);
const struct tree *stack_tree(struct ui *ui, uint32_t site, bool inverted);
const struct tree_node *stack_selected(struct ui *ui);
const struct tree_node *stack_frame(struct ui *ui, const struct tree **ret_tree);
void stack_find(struct ui *ui, int direction);

/* ---- metric.c ---- */
/* The tree of SITE by the metric of the screen; that of all for a picture, COARSE as in struct tree_query. */
int metric_tree(struct ui *ui, uint32_t site, bool inverted, struct tree *ret);
int metric_picture(struct ui *ui, bool inverted, bool coarse, struct tree *ret);
void metric_next(struct ui *ui);
/* A comparison or a range chooses METRIC, until metric_give_back(): other views than those it leads to know nothing of it. */
void metric_lend(struct ui *ui, enum tree_metric metric);
void metric_give_back(struct ui *ui);
void metric_reset(struct ui *ui); /* live bytes, for good */
/* What is counted, in words: "live bytes", "growth since A". RET has SIZE bytes. */
const char *metric_words(const struct ui *ui, char *ret, size_t size);
const char *metric_title(const struct ui *ui); /* the same for a column: "LIVE" */
/* What NODE has, in at most 6 cells. RET has FMT_MAX bytes. */
const char *metric_text(const struct ui *ui, const struct tree_node *node, char *ret);
/* Which part of the whole TREE is NODE's: 0 to 1. */
double metric_share(const struct ui *ui, const struct tree_node *node, const struct tree_node *whole);

/* ---- flame.c ---- */
/* The flame graph alone, as a pane of another view, with the selection of the flame view. At least one row. */
void flame_draw_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height);

/* ---- stack_panes.c ---- */
/* The site that the view shows, looked at closely; all zeroes for none. Until the heap moves. */
const struct inspection *stack_inspect(struct ui *ui);
void stack_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height); /* all of it, with a line at its left */
void stack_age_band(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height); /* its ages alone */
int stack_age_rows(const struct ui *ui); /* how many it takes */
const char *stack_ages_words(struct ui *ui);
void stack_site_words(struct ui *ui, struct buf *out, int width); /* the pane in words, for the info window */
void stack_who(struct ui *ui, struct canvas *canvas, int x, int y, int width); /* a line: threads, libraries, allocators */
/* Bars of the ages of SITE's live bytes; uses 5 rows at most. */
void stack_ages(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height, uint32_t site);

/* ---- before.c ---- */
/* The same as the view in a few lines, from Y to BOTTOM; nothing where it is not known. */
void before_list(struct ui *ui, struct canvas *canvas, int x, int y, int width, int bottom);

/* ---- source.c ---- */
/* The lines of NODE's source file around its line, when it can be read here: where the source map leads, where it is named,
 * or in the root of a target that runs. Draws at most HEIGHT rows; the first is a rule that says when the file may not be the right one. */
bool source_available(struct ui *ui, const struct tree_node *node);
const char *source_place(struct ui *ui, const struct tree_node *node); /* where it was found, NULL = nowhere */
void source_forget(struct stack_state *stack);
bool source_mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret); /* the wheel over it scrolls, a click goes into it */
bool source_key(struct ui *ui, enum command command); /* while the source has the keys: scrolls it; q and Esc lead out */
void source_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                 const struct tree_node *node);

/* ---- picker.c ---- */
void picker_refresh(struct ui *ui);
void picker_sort_at(struct ui *ui, int x);
size_t picker_sort_choices(struct ui *ui, struct sort_choice *ret, size_t max);
void picker_sort_by(struct ui *ui, int id);
bool picker_key(struct ui *ui, enum command command, enum ui_action *ret);

/* ---- marks.c ---- */
void marks_label(struct ui *ui);       /* gives each mark among the moments its letter */
const char *marks_label_of(const struct ui *ui, const struct rec_mark *mark); /* its letter, else its name */
void marks_next_name(const struct ui *ui, char *ret, size_t size);
void marks_compare(struct ui *ui);     /* the newest pair is about to be shown */
bool marks_span(struct ui *ui, uint32_t *ret_from, uint32_t *ret_to); /* the ticks of the pair; false when none is shown */
void marks_changed(struct ui *ui);     /* marks came, went or have other names */
void marks_follow(struct ui *ui);      /* the heap moved: what trees tell as kept follows */
void marks_leave_heap(struct ui *ui);  /* before the heap goes away */

/* ---- range.c ---- */
void range_begin(struct ui *ui);  /* v: picks one, or ends the one in force */
void range_clear(struct ui *ui);
void range_follow(struct ui *ui); /* the heap moved */
bool range_key(struct ui *ui, uint32_t key); /* true: it was for the picking */
bool range_mouse(struct ui *ui, const struct key_event *event); /* likewise: a drag on the chart */
void range_prompt(const struct ui *ui, struct canvas *canvas, int y);
void range_draw(const struct ui *ui, struct canvas *canvas, int axis_y);
/* "12:00-13:00", or with the bytes: a line; "" = no range is in force. */
void range_words(const struct ui *ui, bool brief, char *ret, size_t size);
/* Puts what SITE kept of the range in the place of what lives. False: it kept nothing; without a range true. */
bool range_site(struct ui *ui, struct heap_site *site);
/* The sites that kept something, in the order of the table, at most LIST_MAX; how many, or -EINVAL for a bad filter. */
int range_list(struct ui *ui, uint32_t *ids);

/* ---- time.c ---- */
int time_seek(struct ui *ui, uint32_t tick); /* moves the heap and fetches what the screens need */
int time_reload(struct ui *ui);              /* the recording has grown: the time line anew */
uint32_t time_tick_at(const struct ui *ui, uint64_t time_ns);
bool time_key(struct ui *ui, enum command command);
void time_goto(struct ui *ui, const char *where);
void time_go(struct ui *ui, uint64_t time_ns); /* to the tick at TIME_NS; a replay that plays is paused */
bool time_play(struct ui *ui, uint64_t now_ns, uint64_t *ret_next_ns);
uint64_t time_now_ns(const struct ui *ui); /* boot time of what is shown; 0 = nothing yet */
int64_t time_wall(const struct ui *ui, uint64_t boot_ns);

/* ---- prompt.c ---- */
extern const struct prompt_type prompt_filter, prompt_find, prompt_goto;
extern const struct prompt_type prompt_export; /* export.c */
void prompt_open(struct ui *ui, const struct prompt_type *prompt);
enum ui_action prompt_key(struct ui *ui, uint32_t key);

/* ---- ui.c ---- */
/* The source file `e` is about as the debug information names it, whether it is here or not; NULL = none is
 * named. */
const char *edited_source(struct ui *ui);
void ui_pass_time(struct ui *ui, uint64_t now_ns);
/* A line at the bottom for a while. */
void ui_tell(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
