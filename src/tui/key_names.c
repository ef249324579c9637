#include "tui/keys.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter) - 'A' + 1)

/* What commands are called in the config file and behind `:`. */
static const char *const commands[COMMANDS] = {
        [CMD_UP] = "up",
        [CMD_DOWN] = "down",
        [CMD_HOME] = "first",
        [CMD_END] = "last",
        [CMD_HALF_UP] = "half-up",
        [CMD_HALF_DOWN] = "half-down",
        [CMD_PAGE_UP] = "page-up",
        [CMD_PAGE_DOWN] = "page-down",
        [CMD_MOUSE] = "mouse",
        [CMD_VIEW_OVERVIEW] = "overview",
        [CMD_VIEW_SITES] = "sites",
        [CMD_VIEW_STACK] = "stack",
        [CMD_VIEW_MARKS] = "marks",
        [CMD_VIEW_FLAME] = "flame",
        [CMD_VIEW_REPLAY] = "replay",
        [CMD_VIEW_ALERTS] = "alerts",
        [CMD_VIEW_NEXT] = "next-view",
        [CMD_VIEW_PREVIOUS] = "previous-view",
        [CMD_PANE] = "pane",
        [CMD_ENTER] = "enter",
        [CMD_BACK] = "back",
        [CMD_QUIT] = "quit",
        [CMD_PICKER] = "picker",
        [CMD_HELP] = "help",
        [CMD_MENU] = "menu",
        [CMD_OPTIONS] = "options",
        [CMD_LOG] = "log",
        [CMD_INFO] = "info",
        [CMD_CLOSE] = "close",
        [CMD_FILTER] = "filter",
        [CMD_CLEAR] = "clear",
        [CMD_FIND] = "find",
        [CMD_FIND_NEXT] = "next",
        [CMD_FIND_PREVIOUS] = "previous",
        [CMD_SAME_NAME] = "same-name",
        [CMD_SORT_MENU] = "sort-menu",
        [CMD_SORT_LEFT] = "sort-left",
        [CMD_SORT_RIGHT] = "sort-right",
        [CMD_SORT_REVERSE] = "reverse",
        [CMD_LIMIT] = "limit",
        [CMD_OPEN] = "open",
        [CMD_FOLD] = "fold",
        [CMD_OPEN_ALL] = "open-all",
        [CMD_INVERT] = "invert",
        [CMD_RUNTIME] = "runtime",
        [CMD_INLINED] = "inlines",
        [CMD_ALL_SITES] = "all-sites",
        [CMD_METRIC] = "metric",
        [CMD_RESET] = "reset",
        [CMD_TREE] = "tree",
        [CMD_MARK] = "mark",
        [CMD_COMPARE] = "compare",
        [CMD_RANGE] = "range",
        [CMD_EXPECTED] = "expected",
        [CMD_SHOW_EXPECTED] = "show-expected",
        [CMD_RENAME] = "rename",
        [CMD_DELETE] = "delete",
        [CMD_PAIR] = "pair",
        [CMD_PAIR_BACK] = "pair-before",
        [CMD_WAIT] = "wait",
        [CMD_ALERT] = "alert",
        [CMD_MUTE] = "mute",
        [CMD_TEST_ALERT] = "test",
        [CMD_PAUSE] = "pause",
        [CMD_STEP_BACK] = "step-back",
        [CMD_STEP] = "step",
        [CMD_EVENT_BACK] = "event-back",
        [CMD_EVENT] = "event",
        [CMD_SLOWER] = "slower",
        [CMD_FASTER] = "faster",
        [CMD_ZOOM_IN] = "zoom-in",
        [CMD_ZOOM_OUT] = "zoom-out",
        [CMD_GOTO] = "go-to",
        [CMD_TIME_LEFT] = "time-left",
        [CMD_TIME_RIGHT] = "time-right",
        [CMD_TIME_START] = "start",
        [CMD_TIME_END] = "end",
        [CMD_COPY] = "copy",
        [CMD_EDIT] = "edit",
        [CMD_EXPORT] = "export",
        [CMD_WRITE_CONFIG] = "write",
        [CMD_SAVE_SCREEN] = "print",
        [CMD_LEAVE] = "leave",
        [CMD_REDRAW] = "redraw",
        [CMD_SUSPEND] = "suspend",
        [CMD_SESSIONS] = "sessions",
        [CMD_USER] = "user",
        [CMD_FIX_1] = "fix-1",
        [CMD_FIX_2] = "fix-2",
        [CMD_FIX_3] = "fix-3",
        [CMD_FIX_4] = "fix-4",
        [CMD_FIX_5] = "fix-5",
        [CMD_TRY_AGAIN] = "try-again",
};

const char *command_name(enum command command)
{
        return command < COMMANDS && commands[command] ? commands[command] : "";
}

enum command command_find(const char *name)
{
        for (int command = CMD_NONE + 1; command < COMMANDS; command++)
                if (strcmp(command_name((enum command)command), name) == 0)
                        return (enum command)command;
        return CMD_NONE;
}

const char *command_key(enum view view, enum command command, char *ret)
{
        const struct key_binding *table;
        size_t n;

        ret[0] = '\0';
        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                if (table[i].command == command && (table[i].views & (1u << view)))
                        return key_label(table[i].keys[0], ret);
        return ret;
}

/* ---- keys ---- */

static const struct {
        uint32_t key;
        const char *name;
} special[] = {
        { KEY_ENTER_, "Enter" }, { '\n', "Enter" }, { KEY_ESC_, "Esc" }, { KEY_TAB_, "Tab" },
        { KEY_BACKSPACE_, "Backspace" }, { ' ', "Space" }, { KEY_UP_, "Up" }, { KEY_DOWN_, "Down" },
        { KEY_LEFT_, "Left" }, { KEY_RIGHT_, "Right" }, { KEY_PGUP_, "PgUp" }, { KEY_PGDN_, "PgDn" },
        { KEY_HOME_, "Home" }, { KEY_END_, "End" }, { KEY_BACKTAB_, "S-Tab" },
        { KEY_F1_, "F1" }, { KEY_F2_, "F2" },
        { KEY_F3_, "F3" }, { KEY_F4_, "F4" }, { KEY_F5_, "F5" }, { KEY_F6_, "F6" }, { KEY_F10_, "F10" },
        { KEY_MOUSE_, "mouse" }, { KEY_RESIZED, "resize" },
};

uint32_t key_parse(const char *name)
{
        size_t len = strlen(name), n;
        uint32_t c;

        for (size_t i = 0; i < array_len(special); i++)
                if (strcmp(name, special[i].name) == 0)
                        return special[i].key;
        if (strncmp(name, "ctrl-", 5) == 0 && len == 6 && name[5] >= 'A' && name[5] <= 'Z')
                return (uint32_t)CTRL(name[5]);
        if (len == 0)
                return 0;
        n = text_decode(name, len, &c);
        return n == len && c > ' ' && c != KEY_BACKSPACE_ ? c : 0;
}

const char *key_label(uint32_t key, char *ret)
{
        for (size_t i = 0; i < array_len(special); i++) {
                if (special[i].key != key)
                        continue;
                snprintf(ret, 16, "%s", special[i].name);
                return ret;
        }
        if (key > 0 && key < ' ')
                snprintf(ret, 16, "ctrl-%c", (int)(key + 'A' - 1));
        else if (key <= 0x10ffff)
                ret[text_encode(key, ret)] = '\0';
        else
                ret[0] = '\0';
        return ret;
}

const char *key_names(const struct key_binding *binding, char *ret, size_t size)
{
        size_t len = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < array_len(binding->keys) && binding->keys[i] != 0; i++) {
                char name[16];

                if (binding->keys[i] == '\n')
                        continue; /* the same key as Enter */
                key_label(binding->keys[i], name);
                if (len + strlen(name) + 2 > size)
                        break;
                len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? " " : "", name);
        }
        return ret;
}
