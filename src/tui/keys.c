#include "tui/keys.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter) - 'A' + 1)
#define IN(view) (1u << (view))

/* Groups of views that share keys. */
enum {
        TABLES = IN(VIEW_OVERVIEW) | IN(VIEW_SITES) | IN(VIEW_REPLAY),
        HEAP = TABLES | IN(VIEW_STACK) | IN(VIEW_BEFORE) | IN(VIEW_MARKS) | IN(VIEW_FLAME) | IN(VIEW_ALERTS),
        FRAMES = IN(VIEW_STACK) | IN(VIEW_FLAME),
        PICK = IN(VIEW_PICKER) | IN(VIEW_SESSIONS),
        MAIN = HEAP | PICK | IN(VIEW_ERROR),
        OVER = IN(VIEW_HELP) | IN(VIEW_LOG) | IN(VIEW_INFO) | IN(VIEW_MENU) | IN(VIEW_OPTIONS) | IN(VIEW_ENDED),
        LISTS = IN(VIEW_MENU) | IN(VIEW_OPTIONS), /* windows with a cursor */
        SCROLL = MAIN | OVER,
};

static const struct key_binding built_in[] = {
        /* move */
        { CMD_DOWN, { 'j', KEY_DOWN_ }, SCROLL, KEYS_MOVE, 0, "down", "the next row" },
        { CMD_UP, { 'k', KEY_UP_ }, SCROLL, KEYS_MOVE, 0, "up", "the row before" },
        { CMD_HOME, { 'g', KEY_HOME_ }, SCROLL & ~IN(VIEW_REPLAY), KEYS_MOVE, 0, "first", "the first row" },
        { CMD_END, { 'G', KEY_END_ }, SCROLL & ~IN(VIEW_REPLAY), KEYS_MOVE, 0, "last", "the last row" },
        { CMD_PAGE_DOWN, { KEY_PGDN_, CTRL('F') }, SCROLL, KEYS_MOVE, 0, "page down", "a screen further" },
        { CMD_PAGE_UP, { KEY_PGUP_, CTRL('B') }, SCROLL, KEYS_MOVE, 0, "page up", "a screen back" },
        { CMD_HALF_DOWN, { CTRL('D') }, SCROLL, KEYS_MOVE, 0, "half down", "half a screen further" },
        { CMD_HALF_UP, { CTRL('U') }, SCROLL, KEYS_MOVE, 0, "half up", "half a screen back" },
        { CMD_MOUSE, { KEY_MOUSE_ }, SCROLL, KEYS_MOVE, 0, "click, wheel",
          "click selects, click on a column sorts, wheel scrolls" },

        /* views */
        { CMD_ENTER, { KEY_ENTER_, '\n' }, TABLES, KEYS_VIEW, 1, "stack",
          "the call tree of the selected site; of before attach: what is left, by size" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_MARKS), KEYS_VIEW, 1, "tree of KEPT",
          "the call tree of what the selected site kept; of generations: their table" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_PICKER), KEYS_VIEW, 1, "watch",
          "attach to the selected process and watch it" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_SESSIONS), KEYS_VIEW, 1, "open",
          "open the selected session" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_ALERTS), KEYS_VIEW, 1, "edit", "change the rule" },
        { CMD_VIEW_OVERVIEW, { '1' }, HEAP, KEYS_VIEW, 0, "overview",
          "the heap as a whole and its largest sites" },
        { CMD_VIEW_SITES, { '2' }, HEAP, KEYS_VIEW, 0, "sites", "the table of sites alone, full height" },
        { CMD_VIEW_STACK, { '3' }, HEAP, KEYS_VIEW, 0, "stack",
          "who calls the selected site, and how much it keeps" },
        { CMD_VIEW_MARKS, { '4' }, HEAP, KEYS_VIEW, 0, "marks", "the marks, and what is kept between two of them" },
        { CMD_VIEW_FLAME, { '6', 'f' }, HEAP, KEYS_VIEW, 0, "flame", "the call tree as a flame graph" },
        { CMD_VIEW_REPLAY, { '7' }, HEAP, KEYS_VIEW, 0, "replay",
          "the timeline: any moment of the recording" },
        { CMD_VIEW_ALERTS, { '8' }, HEAP, KEYS_VIEW, 0, "alerts", "the rules that warn, and what they said" },
        { CMD_PANE, { KEY_TAB_ }, IN(VIEW_MARKS), KEYS_VIEW, 3, "list", "the next list of the view" },
        { CMD_PANE, { KEY_TAB_ }, IN(VIEW_STACK), KEYS_VIEW, 18, "pane", "to the source and back; where there is none: the next view" },
        { CMD_PANE, { KEY_TAB_ }, IN(VIEW_REPLAY), KEYS_VIEW, 0, "pane", "flame graph or table; without a flame graph the next view" },
        { CMD_VIEW_NEXT, { KEY_TAB_ }, HEAP & ~(IN(VIEW_MARKS) | IN(VIEW_STACK) | IN(VIEW_REPLAY)), KEYS_VIEW, 0, "next view",
          "the view to the right" },
        { CMD_VIEW_PREVIOUS, { KEY_BACKTAB_ }, HEAP, KEYS_VIEW, 0, "view before", "the view to the left" },
        { CMD_BACK, { 'q' }, MAIN, KEYS_VIEW, 3, "back", "one level back; at the top: quit" },
        { CMD_QUIT, { 'Q', KEY_F10_, CTRL('C') }, SCROLL & ~IN(VIEW_ENDED), KEYS_VIEW, 0, "quit",
          "leave heaptop; the hooks are taken out" },
        { CMD_PICKER, { 'p' }, HEAP, KEYS_VIEW, 0, "picker", "choose another process" },
        { CMD_HELP, { '?', KEY_F1_ }, MAIN | (OVER & ~IN(VIEW_HELP)), KEYS_VIEW, 2, "help", "this page" },
        { CMD_MENU, { KEY_F2_ }, MAIN, KEYS_VIEW, 0, "menu", "everything that can be done here, as a menu" },
        { CMD_OPTIONS, { 'o' }, HEAP, KEYS_VIEW, 0, "options", "columns, colours and other settings" },
        { CMD_LOG, { '!' }, MAIN, KEYS_VIEW, 0, "log", "heaptop's own messages" },
        { CMD_INFO, { 'i' }, HEAP, KEYS_VIEW, 0, "info",
          "what is selected, by its full name; errors, losses and cost of the measurement" },
        { CMD_CLOSE, { 'q', KEY_ESC_ }, LISTS, KEYS_VIEW, 1, "close", "close this window" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_ENDED), KEYS_VIEW, 1, "last minute", "the minute before the end" },
        { CMD_QUIT, { 'q', 'Q', KEY_F10_, CTRL('C') }, IN(VIEW_ENDED), KEYS_VIEW, 6, "quit", "leave heaptop" },
        { CMD_CLOSE, { KEY_ESC_ }, IN(VIEW_ENDED), KEYS_VIEW, 5, "close", "back to the views" },
        { CMD_COMPARE, { 'c' }, IN(VIEW_ENDED), KEYS_LEAK, 2, "compare", "what was born between the start and the end and is kept" },
        { CMD_TRY_AGAIN, { 'r' }, IN(VIEW_ENDED), KEYS_OUT, 0, "again", "attach again to what the process has become by exec()" },
        { CMD_CLOSE, { 'q', KEY_ESC_, KEY_ENTER_, '\n' }, OVER & ~LISTS & ~IN(VIEW_ENDED), KEYS_VIEW, 1, "close", "close this window" },
        { CMD_CLOSE, { '?', KEY_F1_ }, IN(VIEW_HELP), KEYS_VIEW, 0, "close", "close this window" },
        { CMD_CLOSE, { '!' }, IN(VIEW_LOG), KEYS_VIEW, 0, "close", "close this window" },
        { CMD_CLOSE, { 'i' }, IN(VIEW_INFO), KEYS_VIEW, 0, "close", "close this window" },
        { CMD_CLOSE, { KEY_F2_, KEY_F6_ }, IN(VIEW_MENU), KEYS_VIEW, 0, "close", "close this window" },
        { CMD_CLOSE, { 'o' }, IN(VIEW_OPTIONS), KEYS_VIEW, 0, "close", "close this window" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_MENU), KEYS_VIEW, 0, "do it", "do what is selected" },
        { CMD_ENTER, { KEY_ENTER_, '\n', ' ' }, IN(VIEW_OPTIONS), KEYS_VIEW, 0, "change", "the next value; show or hide the column" },
        { CMD_OPEN, { KEY_RIGHT_, 'l', KEY_TAB_ }, IN(VIEW_MENU), KEYS_VIEW, 0, "next group", "the next group of commands" },
        { CMD_FOLD, { KEY_LEFT_, 'h', KEY_BACKTAB_ }, IN(VIEW_MENU), KEYS_VIEW, 0, "group before", "the group of commands before" },
        { CMD_OPEN, { KEY_RIGHT_, 'l' }, IN(VIEW_OPTIONS), KEYS_VIEW, 0, "next value", "the next value" },
        { CMD_FOLD, { KEY_LEFT_, 'h' }, IN(VIEW_OPTIONS), KEYS_VIEW, 0, "value before", "the value before" },
        { CMD_SORT_LEFT, { '<' }, IN(VIEW_OPTIONS), KEYS_SORT, 0, "column left", "the column further to the left" },
        { CMD_SORT_RIGHT, { '>' }, IN(VIEW_OPTIONS), KEYS_SORT, 0, "column right", "the column further to the right" },
        { CMD_SORT_REVERSE, { 'I' }, IN(VIEW_MENU), KEYS_SORT, 0, "reverse", "the other way round" },

        /* find */
        { CMD_FILTER, { '/', KEY_F4_, KEY_F3_ }, TABLES | IN(VIEW_MARKS), KEYS_FIND, 5, "filter",
          "show only what matches: text  re:REGEX  class:growing  lib:NAME  thread:NAME  >10M  age>1h  !not" },
        { CMD_FILTER, { '/', KEY_F4_, KEY_F3_ }, IN(VIEW_PICKER), KEYS_FIND, 5, "filter",
          "show only what matches: text  re:REGEX  >10M (RSS)  age>1h  !not" },
        { CMD_FILTER, { '/', KEY_F4_, KEY_F3_ }, IN(VIEW_SESSIONS), KEYS_FIND, 5, "filter",
          "show only the lines with this text" },
        { CMD_FIND, { '/', KEY_F3_, KEY_F4_ }, FRAMES, KEYS_FIND, 8, "find",
          "find a function in the tree" },
        { CMD_FIND_NEXT, { 'n' }, FRAMES, KEYS_FIND, 0, "next", "the next one found" },
        { CMD_SAME_NAME, { '#' }, FRAMES, KEYS_FIND, 17, "same", "the next frame of the same name" },
        { CMD_FIND_PREVIOUS, { 'N' }, FRAMES, KEYS_FIND, 0, "previous", "the one found before" },
        { CMD_FIND_NEXT, { 'n' }, TABLES | IN(VIEW_PICKER), KEYS_FIND, 0, "next", "the next row that the last filter matched" },
        { CMD_FIND_PREVIOUS, { 'N' }, TABLES | IN(VIEW_PICKER), KEYS_FIND, 0, "previous", "the row before that it matched" },
        { CMD_SAME_NAME, { '#' }, TABLES | IN(VIEW_PICKER), KEYS_FIND, 0, "same", "the next row of the same name" },
        { CMD_CLEAR, { KEY_ESC_ }, (HEAP | PICK) & ~IN(VIEW_BEFORE), KEYS_FIND, 0, "clear", "drop the filter or the search" },

        /* sort */
        { CMD_SORT_MENU, { 's', KEY_F6_ }, IN(VIEW_MARKS), KEYS_SORT, 6, "sort", "sort by the next column" },
        { CMD_SORT_MENU, { 's', KEY_F6_ }, TABLES | IN(VIEW_PICKER), KEYS_SORT, 6, "sort",
          "choose the column to sort by" },
        { CMD_SORT_LEFT, { '<' }, TABLES | IN(VIEW_PICKER), KEYS_SORT, 0, "column left",
          "sort by the column to the left" },
        { CMD_SORT_RIGHT, { '>' }, TABLES | IN(VIEW_PICKER), KEYS_SORT, 0, "column right",
          "sort by the column to the right" },
        { CMD_SORT_REVERSE, { 'I' }, TABLES | IN(VIEW_MARKS) | IN(VIEW_PICKER), KEYS_SORT, 0, "reverse",
          "the other way round" },
        { CMD_LIMIT, { 'L' }, TABLES, KEYS_SORT, 0, "limit",
          "hide sites below 0.1 %, 0.25 %, 0.5 % ... of the heap in use, or none" },
        { CMD_LIMIT, { 'L' }, IN(VIEW_STACK), KEYS_SORT, 9, "limit",
          "hide branches below 0.5 %, 1 %, 5 % or none" },

        /* tree */
        { CMD_OPEN, { KEY_RIGHT_, 'l', '+' }, IN(VIEW_STACK), KEYS_TREE, 4, "open", "open the branch" },
        { CMD_FOLD, { KEY_LEFT_, 'h', '-' }, IN(VIEW_STACK), KEYS_TREE, 5, "fold",
          "fold the branch, or go to its caller" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_STACK), KEYS_TREE, 0, "toggle",
          "open or fold the branch" },
        { CMD_OPEN_ALL, { '*' }, IN(VIEW_STACK), KEYS_TREE, 0, "open all", "open every branch" },
        { CMD_FOLD, { KEY_LEFT_, 'h' }, IN(VIEW_FLAME), KEYS_TREE, 0, "left", "the box to the left" },
        { CMD_OPEN, { KEY_RIGHT_, 'l' }, IN(VIEW_FLAME), KEYS_TREE, 0, "right", "the box to the right" },
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_FLAME), KEYS_TREE, 1, "zoom", "the selected frame over the whole width; Esc and q lead out" },
        { CMD_INVERT, { 't', KEY_F5_ }, FRAMES, KEYS_TREE, 6, "invert",
          "callers first, or the allocating frame first" },
        { CMD_RUNTIME, { 'u' }, FRAMES, KEYS_TREE, 7, "runtime",
          "show or fold the frames of allocator and language runtime" },
        { CMD_INLINED, { 'x' }, FRAMES, KEYS_TREE, 16, "inlines",
          "show inlined calls as frames, or fold them into their callers" },
        { CMD_METRIC, { 'b' }, FRAMES, KEYS_TREE, 8, "metric",
          "what is counted: live bytes, growth since the mark, kept, allocated, blocks" },
        { CMD_RESET, { '=' }, FRAMES, KEYS_TREE, 0, "reset", "the whole tree as it was at first" },
        { CMD_TREE, { 't' }, IN(VIEW_PICKER), KEYS_PICK, 8, "tree", "processes below their parents" },
        { CMD_ALL_SITES, { 't', KEY_F5_ }, IN(VIEW_BEFORE), KEYS_TREE, 5, "tree of all sites",
          "the call tree of all sites together" },

        /* leak */
        { CMD_MARK, { 'm' }, HEAP & ~IN(VIEW_ALERTS), KEYS_LEAK, 4, "mark",
          "set a mark; changes (dA, dB, ..) count from the newest one" },
        { CMD_MARK, { 'm' }, IN(VIEW_ALERTS), KEYS_LEAK, 0, "mark",
          "set a mark; changes (dA, dB, ..) count from the newest one" },

        { CMD_COMPARE, { 'c' }, HEAP & ~IN(VIEW_ALERTS), KEYS_LEAK, 5, "compare", "what was born between two marks and is kept" },
        { CMD_COMPARE, { 'c' }, IN(VIEW_ALERTS), KEYS_LEAK, 0, "compare", "what was born between two marks and is kept" },
        { CMD_RANGE, { 'v' }, TABLES, KEYS_LEAK, 7, "range", "pick a time range on the chart: what was born in it and still lives" },
        { CMD_EXPECTED, { 'X' }, TABLES, KEYS_LEAK, 0, "expected", "this site is as it should be: hide it; on one that is shown: not any more" },
        { CMD_SHOW_EXPECTED, { 'Y' }, TABLES, KEYS_LEAK, 0, "show expected", "show expected sites, marked, or hide them" },
        { CMD_PAIR, { '>' }, IN(VIEW_MARKS), KEYS_LEAK, 4, "pair", "compare the next two marks" },
        { CMD_PAIR_BACK, { '<' }, IN(VIEW_MARKS), KEYS_LEAK, 0, "pair before", "compare the two marks before" },
        { CMD_RENAME, { 'r' }, IN(VIEW_MARKS), KEYS_LEAK, 7, "rename", "give the mark another name" },
        { CMD_DELETE, { 'd' }, IN(VIEW_MARKS), KEYS_LEAK, 8, "delete", "delete the mark" },
        { CMD_DELETE, { 'd' }, IN(VIEW_ALERTS), KEYS_LEAK, 4, "delete", "delete the rule" },
        { CMD_WAIT, { 'R' }, IN(VIEW_ENDED), KEYS_LEAK, 3, "wait", "wait for a new process of that name and watch it" },
        { CMD_ALERT, { 'a' }, HEAP & ~IN(VIEW_ALERTS), KEYS_LEAK, 0, "alert", "a new rule that warns" },
        { CMD_ALERT, { 'a' }, IN(VIEW_ALERTS), KEYS_LEAK, 1, "add", "a new rule that warns" },
        { CMD_MUTE, { 'u' }, IN(VIEW_ALERTS), KEYS_LEAK, 5, "mute", "this rule is silent for an hour" },
        { CMD_TEST_ALERT, { 't' }, IN(VIEW_ALERTS), KEYS_LEAK, 6, "test", "do what the rule would do" },

        /* time */
        { CMD_PAUSE, { ' ' }, HEAP & ~IN(VIEW_REPLAY), KEYS_TIME, 7, "hold",
          "hold the picture while the data goes on; in a replay: play and pause" },
        { CMD_PAUSE, { ' ' }, IN(VIEW_REPLAY), KEYS_TIME, 4, "play",
          "play and pause; live: hold the picture" },
        { CMD_STEP_BACK, { ',' }, HEAP, KEYS_TIME, 0, "step back", "one second back" },
        { CMD_STEP, { '.' }, HEAP, KEYS_TIME, 0, "step", "one second further" },
        { CMD_EVENT_BACK, { '[' }, HEAP, KEYS_TIME, 0, "event back", "the mark or event before this moment" },
        { CMD_EVENT, { ']' }, HEAP, KEYS_TIME, 9, "event", "the next mark or event" },
        { CMD_SLOWER, { '{' }, HEAP, KEYS_TIME, 0, "slower", "play slower" },
        { CMD_FASTER, { '}' }, HEAP, KEYS_TIME, 11, "faster", "play faster, up to x3600" },
        { CMD_ZOOM_IN, { 'z' }, HEAP & ~IN(VIEW_REPLAY), KEYS_TIME, 0, "zoom in",
          "a shorter span in chart and trends" },
        { CMD_ZOOM_OUT, { 'Z' }, HEAP & ~IN(VIEW_REPLAY), KEYS_TIME, 0, "zoom out",
          "a longer span, up to everything" },
        { CMD_ZOOM_IN, { 'z' }, IN(VIEW_REPLAY), KEYS_TIME, 0, "zoom in", "the time line shows less, around this moment" },
        { CMD_ZOOM_OUT, { 'Z' }, IN(VIEW_REPLAY), KEYS_TIME, 0, "zoom out", "the time line shows more, up to everything" },
        { CMD_GOTO, { ':' }, HEAP, KEYS_TIME, 12, "go to",
          "a time (:13:05), a way back (:-10m), :mark A, :site 17, :end, a command by its name, :set NAME=VALUE" },
        { CMD_GOTO, { ':' }, PICK, KEYS_TIME, 0, "command", "a command by its name, :q, :help, :set NAME=VALUE" },
        { CMD_TIME_LEFT, { KEY_LEFT_, 'h' }, IN(VIEW_REPLAY), KEYS_TIME, 13, "back",
          "one column of the chart back" },
        { CMD_TIME_RIGHT, { KEY_RIGHT_, 'l' }, IN(VIEW_REPLAY), KEYS_TIME, 13, "on",
          "one column of the chart further" },
        { CMD_TIME_START, { 'g', KEY_HOME_ }, IN(VIEW_REPLAY), KEYS_TIME, 0, "start",
          "the beginning of the recording" },
        { CMD_TIME_END, { 'G', KEY_END_ }, IN(VIEW_REPLAY), KEYS_TIME, 8, "end",
          "the end of the recording; live: now" },

        /* out */
        { CMD_COPY, { 'y' }, HEAP, KEYS_OUT, 14, "copy",
          "the selected row as text to the clipboard and a file" },
        { CMD_EDIT, { 'e' }, TABLES | FRAMES, KEYS_OUT, 15, "edit",
          "the source line in $VISUAL or $EDITOR" },
        { CMD_EXPORT, { 'E' }, HEAP | IN(VIEW_ENDED), KEYS_OUT, 0, "export", "what is shown, as a file for other tools" },
        { CMD_WRITE_CONFIG, { 'W' }, (HEAP & ~IN(VIEW_ALERTS)) | IN(VIEW_OPTIONS), KEYS_OUT, 0, "write", "these settings into the config file" },
        { CMD_WRITE_CONFIG, { 'W' }, IN(VIEW_ALERTS), KEYS_OUT, 6, "save", "these settings into the config file" },
        { CMD_SAVE_SCREEN, { 'P' }, SCROLL, KEYS_OUT, 0, "print", "this screen as text into a file" },
        { CMD_LEAVE, { 'D' }, HEAP, KEYS_OUT, 0, "leave", "leave the screen and keep recording" },
        { CMD_REDRAW, { CTRL('L') }, SCROLL, KEYS_OUT, 0, "redraw", "draw everything anew" },
        { CMD_SUSPEND, { CTRL('Z') }, SCROLL, KEYS_OUT, 0, "suspend",
          "back to the shell; recording goes on (fg returns)" },

        /* error pages */
        { CMD_ENTER, { KEY_ENTER_, '\n' }, IN(VIEW_ERROR), KEYS_OUT, 1, "choose", "do what the line says, or copy it" },
        { CMD_COPY, { 'y' }, IN(VIEW_ERROR), KEYS_OUT, 2, "copy", "the command to the clipboard and a file" },
        { CMD_PICKER, { 'p' }, IN(VIEW_ERROR), KEYS_VIEW, 4, "picker", "choose another process" },
        { CMD_FIX_1, { '1' }, IN(VIEW_ERROR), KEYS_OUT, 0, "fix 1", "the first way out" },
        { CMD_FIX_2, { '2' }, IN(VIEW_ERROR), KEYS_OUT, 0, "fix 2", "the second way out" },
        { CMD_FIX_3, { '3' }, IN(VIEW_ERROR), KEYS_OUT, 0, "fix 3", "the third way out" },
        { CMD_FIX_4, { '4' }, IN(VIEW_ERROR), KEYS_OUT, 0, "fix 4", "the fourth way out" },
        { CMD_FIX_5, { '5' }, IN(VIEW_ERROR), KEYS_OUT, 0, "fix 5", "the fifth way out" },
        { CMD_TRY_AGAIN, { 'r' }, IN(VIEW_ERROR), KEYS_OUT, 3, "try again", "the same once more" },

        /* picker */
        { CMD_SESSIONS, { 'o' }, PICK, KEYS_PICK, 4, "saved", "saved sessions, or back to the processes" },
        { CMD_USER, { 'u' }, IN(VIEW_PICKER), KEYS_PICK, 7, "user",
          "only the selected one's user, or all again" },
};

/* The table as the user has changed it; nobody does while screens are up. */
static struct key_binding changed[array_len(built_in)];
static bool is_changed;

const struct key_binding *key_table(size_t *ret_n)
{
        *ret_n = array_len(built_in);
        return is_changed ? changed : built_in;
}

enum command key_command(enum view view, uint32_t key)
{
        const struct key_binding *table;
        size_t n;

        if (key == KEY_NONE)
                return CMD_NONE;
        table = key_table(&n);
        for (size_t i = 0; i < n; i++) {
                if (!(table[i].views & IN(view)))
                        continue;
                for (size_t k = 0; k < array_len(table[i].keys); k++)
                        if (table[i].keys[k] == key)
                                return table[i].command;
        }
        return CMD_NONE;
}

/* ---- keys of the user's own ---- */

void keys_reset(void)
{
        is_changed = false;
}

static int parse_keys(enum command command, const char *text, uint32_t ret[KEYS_OF_BINDING], struct err *err)
{
        uint32_t keys[KEYS_OF_BINDING] = { 0 };
        size_t n = 0;
        char word[32];
        int used;

        if (strcmp(text, "none") == 0)
                text = "";
        for (; sscanf(text, " %31s%n", word, &used) == 1; text += used) {
                uint32_t key = key_parse(word);

                if (key == KEY_NONE || key == KEY_RESIZED || (key == KEY_MOUSE_) != (command == CMD_MOUSE))
                        return err_set(err, EINVAL, "\"%s\" is no key; keys are called x, X, ctrl-D, Enter, Space, PgDn, F5", word);
                if (n + 1 + (key == KEY_ENTER_) + (command == CMD_QUIT) > KEYS_OF_BINDING)
                        return err_set(err, EINVAL, "these are too many keys for one command");
                keys[n++] = key;
                if (key == KEY_ENTER_)
                        keys[n++] = '\n';
        }
        if (command == CMD_QUIT) /* one can always leave */
                keys[n++] = CTRL('C');
        memcpy(ret, keys, sizeof keys);
        return 0;
}

int keys_bind(enum command command, const char *text, struct err *err)
{
        uint32_t keys[KEYS_OF_BINDING] = { 0 };
        int r = parse_keys(command, text, keys, err);

        if (r < 0)
                return r;
        if (!is_changed)
                memcpy(changed, built_in, sizeof changed);
        is_changed = true;
        for (size_t i = 0; i < array_len(changed); i++)
                if (changed[i].command == command)
                        memcpy(changed[i].keys, keys, sizeof keys);
        return 0;
}

void keys_unbind(enum command command)
{
        for (size_t i = 0; i < array_len(changed); i++)
                if (changed[i].command == command)
                        memcpy(changed[i].keys, built_in[i].keys, sizeof changed[i].keys);
}

static bool shares_key(const struct key_binding *a, const struct key_binding *b, uint32_t *ret)
{
        for (size_t i = 0; i < KEYS_OF_BINDING; i++)
                for (size_t k = 0; k < KEYS_OF_BINDING; k++)
                        if (a->keys[i] && a->keys[i] == b->keys[k]) {
                                *ret = a->keys[i];
                                return true;
                        }
        return false;
}

bool keys_conflict(struct key_conflict *ret)
{
        const struct key_binding *table;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                for (size_t k = i + 1; k < n; k++) {
                        uint32_t views = table[i].views & table[k].views;

                        if (!views || !shares_key(&table[i], &table[k], &ret->key))
                                continue;
                        ret->a = table[i].command;
                        ret->b = table[k].command;
                        ret->view = (enum view)__builtin_ctz(views);
                        return true;
                }
        return false;
}

const char *key_group_name(enum key_group group)
{
        static const char *const names[KEY_GROUPS] = {
                "MOVE", "VIEW", "FIND", "SORT", "TREE", "LEAK", "TIME", "OUT", "PICK",
        };

        return group < KEY_GROUPS ? names[group] : "";
}

const char *view_name(enum view view)
{
        static const char *const names[VIEWS] = {
                "Overview", "Sites", "Stack", "Before attach", "Marks", "Flame", "Replay", "Alerts", "Processes",
                "Saved sessions", "Error", "Help", "Log", "Info", "Menu", "Options", "Ended",
        };

        return view < VIEWS ? names[view] : "";
}
