/* The crash path is the delicate part: whatever ends the viewer, the terminal must be usable before the
 * message is printed. Only tcsetattr() and write() are used there, with strings that were fetched at the
 * start. */
#include "tui/term.h"

#include "tui/caught.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "base/width.h"

#define NCURSES_WIDECHAR 1
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* From <term.h>, which cannot be included: it has a struct term of its own. */
extern char *tigetstr(const char *name);

enum {
        BUTTONS = BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON3_PRESSED | BUTTON3_CLICKED | BUTTON4_PRESSED |
                  BUTTON5_PRESSED | REPORT_MOUSE_POSITION,
};

struct term {
        SCREEN *screen;
        FILE *out; /* a copy of standard output for ncurses */
        bool ascii, colors, mouse;
        bool wide_blocks;          /* blocks take two cells here: ASCII whatever was asked for */
        bool utf8;                 /* what is typed */
        char partial[4];           /* of a character whose rest has not come yet */
        size_t n_partial;
        bool asked;                /* the terminal owes an answer about the width of blocks */
        attr_t attrs[STYLES];
        struct caught caught; /* what libraries write to stderr */
};

/* A process has one terminal. Being static it may be closed twice, as every way out does. */
static struct term the_term;

/* For the handlers of a crash: everything they need, reachable without an argument. */
static struct {
        volatile sig_atomic_t up;
        pid_t pid; /* a forked child that ends must not touch the terminal */
        struct termios before;
        int caught, real_stderr;
        char restore[256];
        size_t restore_len;
} crash;

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

/* ---- giving the terminal back when everything else is lost ---- */

static void restore_raw(void)
{
        char bytes[4096];
        ssize_t n;

        if (!crash.up || crash.pid != getpid())
                return;
        crash.up = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &crash.before);
        (void)!write(STDOUT_FILENO, crash.restore, crash.restore_len);
        if (crash.real_stderr < 0)
                return;
        dup2(crash.real_stderr, STDERR_FILENO);
        while ((n = read(crash.caught, bytes, sizeof bytes)) > 0)
                (void)!write(STDERR_FILENO, bytes, (size_t)n);
}

static void on_crash(int sig)
{
        restore_raw();
        signal(sig, SIG_DFL);
        raise(sig);
}

static void add_capability(const char *name)
{
        const char *s = tigetstr(name);

        if (!s || s == (const char *)-1 || crash.restore_len + strlen(s) >= sizeof crash.restore)
                return;
        memcpy(crash.restore + crash.restore_len, s, strlen(s));
        crash.restore_len += strlen(s);
}

static void prepare_crash(const struct term *term)
{
        static bool registered;
        static const char mouse_off[] = "\033[?1002l\033[?1000l\033[?1006l";

        crash.restore_len = 0;
        add_capability("sgr0");
        add_capability("cnorm");
        add_capability("rmkx");
        if (tigetstr("kmous") && tigetstr("kmous") != (char *)-1 &&
            crash.restore_len + sizeof mouse_off <= sizeof crash.restore) {
                memcpy(crash.restore + crash.restore_len, mouse_off, sizeof mouse_off - 1);
                crash.restore_len += sizeof mouse_off - 1;
        }
        add_capability("rmcup");
        crash.pid = getpid();
        crash.caught = term->caught.pipe[0];
        crash.real_stderr = term->caught.real;
        crash.up = 1;
        if (!registered)
                atexit(restore_raw);
        registered = true;
        for (size_t i = 0; i < array_len(fatal_signals); i++) {
                struct sigaction action = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

                sigaction(fatal_signals[i], &action, NULL);
        }
}

static void forget_crash(void)
{
        crash.up = 0;
        for (size_t i = 0; i < array_len(fatal_signals); i++)
                signal(fatal_signals[i], SIG_DFL);
}

/* ---- are blocks one cell wide? ---- */

/* Block characters are of "ambiguous" width: some terminals give them two cells whatever the C library says.
 * One is written and the terminal is asked where its cursor is then. The answer comes in like a key whenever
 * it comes; nobody waits for it. */
enum { KEY_ONE_CELL = 0x1f001, KEY_TWO_CELLS };

static void ask_width(struct term *term)
{
        static const char question[] = "\033[2;1H\xe2\x96\x88\033[6n";
        char *can_ask = tigetstr("u7");

        if (term->ascii || !can_ask || strcmp(can_ask, "\033[6n") != 0)
                return;
        define_key("\033[2;1R", KEY_ONE_CELL); /* nothing was drawn: as good as one cell */
        define_key("\033[2;2R", KEY_ONE_CELL);
        define_key("\033[2;3R", KEY_TWO_CELLS);
        refresh();
        fflush(stdout);
        if (io_write_all(STDOUT_FILENO, question, sizeof question - 1) == 0)
                term->asked = true;
        clearok(curscr, TRUE); /* it is drawn over in the first frame */
}

/* ---- a new size ---- */

/* ncurses notes a new size when it is asked for a key: who waits for something else must be told that there is one. */
static volatile sig_atomic_t resized;
static struct sigaction theirs;

static void on_resize(int number)
{
        resized = 1;
        if (theirs.sa_handler != SIG_DFL && theirs.sa_handler != SIG_IGN)
                theirs.sa_handler(number);
}

static void catch_resize(void)
{
        struct sigaction now;

        if (sigaction(SIGWINCH, NULL, &now) < 0 || now.sa_handler == on_resize || (now.sa_flags & SA_SIGINFO))
                return;
        theirs = now;
        now.sa_handler = on_resize;
        sigaction(SIGWINCH, &now, NULL);
}

bool term_is_resized(void)
{
        return resized;
}

/* ---- opening and closing ---- */

static bool wants_ascii(const struct term_options *options)
{
        const char *name = getenv("TERM");

        if (options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
                return true;
        return name && (strncmp(name, "vt100", 5) == 0 || strncmp(name, "vt220", 5) == 0 ||
                        strcmp(name, "linux") == 0 || strcmp(name, "dumb") == 0);
}

static bool wants_colors(const struct term_options *options)
{
        const char *no = getenv("NO_COLOR");

        if (options->color == TERM_COLOR_NEVER)
                return false;
        if (options->color == TERM_COLOR_AUTO && no && *no)
                return false;
        return has_colors();
}

/* How many colours may be used. */
static int n_colors(const struct term_options *options)
{
        return options->color == TERM_COLOR_16 && COLORS > 16 ? 16 : COLORS;
}

static attr_t attributes(unsigned attrs)
{
        return ((attrs & LOOK_BOLD) ? A_BOLD : 0) | ((attrs & LOOK_DIM) ? A_DIM : 0) |
               ((attrs & LOOK_REVERSE) ? A_REVERSE : 0) | ((attrs & LOOK_UNDERLINE) ? A_UNDERLINE : 0);
}

static attr_t colored(const struct look *look, int n, short pair)
{
        bool bold, bright_ground;
        int color = look_color(look->color, n, &bold), ground = look_color(look->ground, n, &bright_ground);
        attr_t attr = attributes(look->attrs | (bold ? LOOK_BOLD : 0u));

        if ((color >= 0 || ground >= 0) && init_pair(pair, (short)color, (short)ground) != ERR)
                attr |= COLOR_PAIR(pair);
        return attr;
}

static void set_attributes(struct term *term, const struct term_options *options)
{
        for (int style = 0; style < STYLES; style++) {
                const struct look *look = options->looks ? &options->looks->look[style] : style_look((enum style)style);

                term->attrs[style] = term->colors ? colored(look, n_colors(options), (short)(style + 1))
                                                  : attributes(look->mono);
        }
}

/* Moves while a button is held (xterm's mode 1002), which terminfo has no string for. */
static void take_mouse(bool take)
{
        static const char on[] = "\033[?1002h", off[] = "\033[?1002l";
        const char *kmous = tigetstr("kmous");

        mousemask(take ? BUTTONS : 0, NULL);
        mouseinterval(0);
        if (!kmous || kmous == (const char *)-1)
                return;
        fflush(stdout);
        (void)io_write_all(STDOUT_FILENO, take ? on : off, sizeof on - 1);
}

static void set_modes(struct term *term, const struct term_options *options)
{
        term->colors = wants_colors(options) && start_color() != ERR && use_default_colors() != ERR;
        set_attributes(term, options);
        raw();
        noecho();
        nonl();
        keypad(stdscr, TRUE);
        nodelay(stdscr, TRUE);
        meta(stdscr, TRUE);
        take_mouse(options->mouse);
}

/* --color=16 and 256 are wishes: where the terminal's name has a sister with so many colours, that is taken. */
static SCREEN *new_screen(enum term_color color)
{
        const char *name = getenv("TERM"), *end = color == TERM_COLOR_256 ? "256color" : "16color";
        SCREEN *screen = NULL;
        char more[64];

        if (name && (color == TERM_COLOR_16 || color == TERM_COLOR_256) && !strstr(name, "color") &&
            snprintf(more, sizeof more, "%s-%s", name, end) < (int)sizeof more)
                screen = newterm(more, stdout, stdin);
        return screen ? screen : newterm(NULL, stdout, stdin);
}

int term_open(const struct term_options *options, struct term **ret, struct err *err)
{
        struct term *term = &the_term;
        const char *name = getenv("TERM");
        char *cup;

        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
                return err_set_id(err, ERROR_NO_TERMINAL, ENOTTY,
                                  "the screen needs a terminal; use `heaptop report` or `--json` instead");
        if (tcgetattr(STDIN_FILENO, &crash.before) < 0)
                return err_set(err, errno, "cannot read the terminal's settings: %s", strerror(errno));
        *term = (struct term){ 0 };
        term->caught = (struct caught)CAUGHT_NOTHING;
        set_escdelay(25);
        term->screen = new_screen(options->color);
        if (!term->screen)
                return err_set_id(err, ERROR_UNKNOWN_TERMINAL, EINVAL,
                                  "terminal \"%s\" is not known here; try TERM=xterm or TERM=vt100",
                                  name ? name : "");
        cup = tigetstr("cup");
        if (!cup || cup == (char *)-1) {
                endwin();
                delscreen(term->screen);
                return err_set_id(err, ERROR_DUMB_TERMINAL, EINVAL,
                                  "terminal \"%s\" cannot move its cursor; use `heaptop report` instead",
                                  name ? name : "");
        }
        term->ascii = wants_ascii(options);
        term->mouse = options->mouse;
        set_modes(term, options);
        caught_begin(&term->caught);
        prepare_crash(term);
        term->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        catch_resize();
        ask_width(term);
        *ret = term;
        return 0;
}

void term_configure(struct term *term, const struct term_options *options)
{
        term->ascii = wants_ascii(options) || term->wide_blocks;
        term->colors = wants_colors(options) && start_color() != ERR && use_default_colors() != ERR;
        set_attributes(term, options);
        take_mouse(options->mouse);
        term->mouse = options->mouse;
        term_redraw(term);
}

void term_close(struct term *term)
{
        if (!term || !crash.up)
                return;
        take_mouse(false);
        if (term->asked)
                flushinp(); /* an answer that comes late must not reach the shell */
        endwin();
        forget_crash();
        delscreen(term->screen);
        caught_release(&term->caught);
}

void term_size(struct term *term, int *ret_width, int *ret_height)
{
        (void)term;
        getmaxyx(stdscr, *ret_height, *ret_width);
}

bool term_is_ascii(const struct term *term)
{
        return term->ascii;
}

/* ---- drawing ---- */

static void put_cell(const struct term *term, int x, int y, const struct cell *cell)
{
        wchar_t text[3] = { (wchar_t)cell->ch, (wchar_t)cell->combining, 0 };
        attr_t attr = term->attrs[cell->style < STYLES ? cell->style : STYLE_PLAIN];
        cchar_t c;

        if (cell->ch < 0x80 && cell->combining == 0) {
                mvaddch(y, x, (chtype)cell->ch | attr);
                return;
        }
        if (setcchar(&c, text, attr, PAIR_NUMBER(attr), NULL) == OK)
                mvadd_wch(y, x, &c);
}

static bool line_is_full(void)
{
        struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

        return poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT);
}

bool term_show(struct term *term, const struct canvas *canvas)
{
        caught_drain(&term->caught);
        if (line_is_full())
                return false;
        erase();
        for (int y = 0; y < canvas->height && y < LINES; y++)
                for (int x = 0; x < canvas->width && x < COLS; x++) {
                        const struct cell *cell =
                                &canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x];

                        if (cell->ch != 0)
                                put_cell(term, x, y, cell);
                }
        if (canvas->cursor_x >= 0 && canvas->cursor_y >= 0) {
                curs_set(1);
                move(canvas->cursor_y, canvas->cursor_x);
        } else {
                curs_set(0);
        }
        refresh();
        return true;
}

/* ---- keys ---- */

static uint32_t translate(wint_t key)
{
        static const struct {
                wint_t theirs;
                uint32_t ours;
        } map[] = {
                { KEY_UP, KEY_UP_ },        { KEY_DOWN, KEY_DOWN_ },
                { KEY_LEFT, KEY_LEFT_ },    { KEY_RIGHT, KEY_RIGHT_ },
                { KEY_PPAGE, KEY_PGUP_ },   { KEY_NPAGE, KEY_PGDN_ },
                { KEY_HOME, KEY_HOME_ },    { KEY_END, KEY_END_ },
                { KEY_BTAB, KEY_BACKTAB_ }, { KEY_BACKSPACE, KEY_BACKSPACE_ },
                { KEY_ENTER, KEY_ENTER_ },  { KEY_F(1), KEY_F1_ },
                { KEY_F(2), KEY_F2_ },      { KEY_F(3), KEY_F3_ },
                { KEY_F(4), KEY_F4_ },      { KEY_F(5), KEY_F5_ },
                { KEY_F(6), KEY_F6_ },      { KEY_F(10), KEY_F10_ },
                { KEY_MOUSE, KEY_MOUSE_ },  { KEY_RESIZE, KEY_RESIZED },
        };

        for (size_t i = 0; i < array_len(map); i++)
                if (map[i].theirs == key)
                        return map[i].ours;
        return KEY_NONE;
}

static struct key_event mouse_event(void)
{
        struct key_event event = { .key = KEY_NONE };
        MEVENT mouse;

        if (getmouse(&mouse) != OK)
                return event;
        event.twice = mouse.bstate & BUTTON1_DOUBLE_CLICKED;
        if (mouse.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED))
                event.button = 1;
        else if (mouse.bstate & BUTTON1_RELEASED)
                event.button = MOUSE_RELEASED;
        else if (mouse.bstate & (BUTTON3_PRESSED | BUTTON3_CLICKED))
                event.button = 3;
        else if (mouse.bstate & BUTTON4_PRESSED)
                event.button = 4;
        else if (mouse.bstate & BUTTON5_PRESSED)
                event.button = 5;
        else if (mouse.bstate & REPORT_MOUSE_POSITION)
                event.button = MOUSE_DRAGGED;
        else
                return event;
        event.key = KEY_MOUSE_;
        event.x = mouse.x;
        event.y = mouse.y;
        return event;
}

/* How many bytes a character that begins with BYTE has; 0 = none begins so. */
static size_t length_of(unsigned char byte)
{
        return byte < 0x80 ? 1 : byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

/* Adds BYTE to the character that was begun. What cannot be one any more is dropped, so that a broken byte takes no key behind it
 * along (get_wch() takes nine). False = more is needed. */
static bool add_byte(struct term *term, unsigned char byte, wint_t *ret)
{
        uint32_t c;

        if (term->n_partial > 0 && (byte & 0xc0) != 0x80)
                term->n_partial = 0;
        term->partial[term->n_partial++] = (char)byte;
        if (term->n_partial < length_of((unsigned char)term->partial[0]))
                return false;
        (void)text_decode(term->partial, term->n_partial, &c);
        term->n_partial = 0;
        *ret = c;
        return true;
}

/* As get_wch(). */
static int next_character(struct term *term, wint_t *ret)
{
        for (;;) {
                int key = getch();

                if (key == ERR)
                        return ERR;
                *ret = (wint_t)key;
                if (key > 0xff)
                        return KEY_CODE_YES;
                if (!term->utf8 || add_byte(term, (unsigned char)key, ret))
                        return OK;
        }
}

/* What ncurses calls KEY; KEY_NONE is nothing to anybody. */
static struct key_event read_key(struct term *term, int code, wint_t key)
{
        struct key_event event = { .key = KEY_NONE };

        if (code == KEY_CODE_YES && key == KEY_MOUSE)
                return mouse_event();
        if (code == KEY_CODE_YES && (key == KEY_ONE_CELL || key == KEY_TWO_CELLS))
                term->asked = false;
        if (code == KEY_CODE_YES && key == KEY_TWO_CELLS) {
                term->ascii = term->wide_blocks = true;
                event.key = KEY_RESIZED; /* all must be drawn anew */
        } else if (code == KEY_CODE_YES) {
                event.key = translate(key);
        } else {
                event.key = key == 8 ? KEY_BACKSPACE_ : (uint32_t)key; /* ctrl-H is what some terminals send */
        }
        return event;
}

struct key_event term_key(struct term *term)
{
        struct key_event event = { .key = KEY_NONE };
        wint_t key;
        int code;

        caught_drain(&term->caught);
        while (event.key == KEY_NONE) { /* behind what is nothing there may be more, which no poll() tells of */
                resized = 0;
                code = next_character(term, &key);
                if (code == ERR)
                        break;
                event = read_key(term, code, key);
        }
        return event;
}

void term_suspend(struct term *term)
{
        int stand_in = term->caught.real >= 0 ? dup(STDERR_FILENO) : -1;

        take_mouse(false);
        endwin();
        if (stand_in >= 0)
                dup2(term->caught.real, STDERR_FILENO);
        signal(SIGTSTP, SIG_DFL);
        kill(0, SIGTSTP); /* the whole job, as the terminal would: the shell waits for the parent */
        if (stand_in >= 0) {
                dup2(stand_in, STDERR_FILENO);
                close(stand_in);
        }
        take_mouse(term->mouse);
        term_redraw(term);
}

void term_redraw(struct term *term)
{
        (void)term;
        clearok(curscr, TRUE);
        refresh();
}

void term_bell(struct term *term)
{
        (void)term;
        beep();
}
