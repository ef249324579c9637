/* The path comes out of the target's debug information: it can name anything. Only a regular file is read,
 * and never one that would block.
 *
 * A file of that name need not be the one that was compiled. When the debug information tells its MD5 (clang does), its size or
 * its time, they decide; else a file that was changed after the program is suspected. */
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/md5.h"
#include "base/text.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LARGEST = 4 << 20, TAB = 8 };

/* PATH below ROOT, whose links lead nowhere else; ROOT NULL: as it is. A descriptor of O_PATH. */
static int find_below(const char *root, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        int folder, fd;

        if (!root)
                return open(path, O_PATH | O_CLOEXEC);
        folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return -1;
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
        close(folder);
        return fd;
}

/* Opening a device can have effects, so what it is is seen before. */
static int open_regular(const char *root, const char *path, struct stat *ret)
{
        int found = find_below(root, path), fd = -1;
        char again[64];

        if (found < 0)
                return -1;
        if (fstat(found, ret) == 0 && S_ISREG(ret->st_mode)) {
                snprintf(again, sizeof again, "/proc/self/fd/%d", found);
                fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        }
        close(found);
        return fd;
}

static char *read_regular(const char *root, const char *path, struct stat *ret)
{
        char *text = NULL;
        size_t len = 0;
        ssize_t n = 0;
        int fd;

        if (path[0] != '/')
                return NULL;
        fd = open_regular(root, path, ret);
        if (fd < 0)
                return NULL;
        if (ret->st_size > 0 && ret->st_size <= LARGEST) {
                text = xmalloc((size_t)ret->st_size + 1);
                while (len < (size_t)ret->st_size && (n = read(fd, text + len, (size_t)ret->st_size - len)) > 0)
                        len += (size_t)n;
                text[len] = '\0';
        }
        close(fd);
        if (text && (n < 0 || strlen(text) != len)) { /* a NUL: not a text */
                free(text);
                text = NULL;
        }
        return text;
}

void source_forget(struct stack_state *stack)
{
        free(stack->source);
        free(stack->source_path);
        free(stack->source_found);
        stack->source = stack->source_path = stack->source_found = NULL;
        stack->source_scroll = 0;
        stack->source_lines = 0;
        free(stack->source_sums);
        stack->source_sums = NULL;
        stack->n_source_sums = 0;
}

/* GNU as takes a sum for a number and writes its last byte first (clang without its own assembler goes that way). */
static bool same_sum(const char *a, const char *b)
{
        size_t n = MD5_TEXT - 1, turned = 0;

        for (size_t i = 0; i < n; i += 2)
                turned += a[i] == b[n - 2 - i] && a[i + 1] == b[n - 1 - i];
        return strcmp(a, b) == 0 || turned == n / 2;
}

static enum source_match compare(const struct heap_source *said, const char *text, const struct stat *st)
{
        uint64_t mtime_ns = (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
        char md5[MD5_TEXT];

        if (said->size && said->size != (uint64_t)st->st_size)
                return SOURCE_DIFFERS;
        if (said->md5[0]) {
                md5_text(text, (size_t)st->st_size, md5);
                return same_sum(md5, said->md5) ? SOURCE_FITS : SOURCE_DIFFERS;
        }
        if (said->mtime_ns)
                return said->mtime_ns / NS_PER_S == mtime_ns / NS_PER_S ? SOURCE_FITS : SOURCE_NEWER;
        return said->module_mtime_ns && mtime_ns > said->module_mtime_ns ? SOURCE_NEWER : SOURCE_FITS;
}

/* Below another root a link can lead to one file there and, for an editor, to another one here. */
static bool is_file_at(const char *path, const struct stat *read)
{
        struct stat st;

        return stat(path, &st) == 0 && st.st_dev == read->st_dev && st.st_ino == read->st_ino;
}

/* Takes the file at PATH below ROOT (NULL = ours) if it goes better with the program than what was found before. */
static void try(struct stack_state *stack, const char *root, const char *path, const struct heap_source *said)
{
        enum source_match match;
        struct stat st;
        char *text;

        if (!path || (stack->source && stack->source_match == SOURCE_FITS))
                return;
        text = read_regular(root, path, &st);
        match = text ? compare(said, text, &st) : SOURCE_DIFFERS;
        if (text && (!stack->source || match < stack->source_match)) {
                free(stack->source);
                free(stack->source_found);
                stack->source = text;
                stack->source_found = xasprintf("%s%s", root ? root : "", path);
                stack->source_editable = is_file_at(stack->source_found, &st);
                stack->source_match = match;
        } else {
                free(text);
        }
}

static void look_for(struct ui *ui, const struct tree_node *node)
{
        struct stack_state *stack = &ui->stack;
        char *mapped = pathmap_apply(ui->source_map, node->file), root[32];
        int32_t pid = heap_session(ui->heap)->pid;
        struct heap_source said;

        source_forget(stack);
        stack->source_path = xstrdup(node->file);
        stack->source_frame = node->frame;
        heap_source(ui->heap, node->frame, &said);
        try(stack, NULL, mapped, &said);
        try(stack, NULL, node->file, &said);
        if (ui->mode == UI_LIVE && !ui->ended && pid > 0) {
                snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
                try(stack, root, node->file, &said);
        }
        free(mapped);
        for (const char *c = stack->source; c; c = strchr(c, '\n') ? strchr(c, '\n') + 1 : NULL)
                stack->source_lines++;
}

bool source_available(struct ui *ui, const struct tree_node *node)
{
        struct stack_state *stack = &ui->stack;

        if (!node || !node->file || node->line == 0)
                return false;
        if (!stack->source_path || stack->source_frame != node->frame || strcmp(stack->source_path, node->file) != 0)
                look_for(ui, node);
        return stack->source != NULL;
}

const char *source_place(struct ui *ui, const struct tree_node *node)
{
        return source_available(ui, node) ? ui->stack.source_found : NULL;
}

/* Where line NUMBER (from 1) of TEXT begins; NULL behind the end. */
static const char *find_line(const char *text, uint32_t number)
{
        for (; number > 1; number--) {
                text = strchr(text, '\n');
                if (!text)
                        return NULL;
                text++;
        }
        return *text ? text : NULL;
}

/* The line at TEXT with tabs as spaces and made harmless. The caller frees it. */
static char *source_line(const char *text)
{
        struct buf line = { 0 };
        char *raw, *clean;

        buf_puts(&line, "");
        for (; *text && *text != '\n' && *text != '\r' && line.len < 1000; text++) {
                buf_putc(&line, *text == '\t' ? ' ' : *text);
                while (*text == '\t' && line.len % TAB)
                        buf_putc(&line, ' ');
        }
        raw = buf_take(&line);
        clean = text_clean(raw);
        free(raw);
        return clean;
}

/* ---- what the lines of the file hold ---- */

static bool is_at(const struct tree_node *node, const char *file, uint32_t line)
{
        return node->file && node->line == line && (node->file == file || strcmp(node->file, file) == 0);
}

/* Does a frame above NODE stand at the same line? Then its bytes are counted there. */
static bool is_again(const struct tree *tree, const struct tree_node *node)
{
        for (uint32_t i = node->parent; i != 0; i = tree->nodes[i].parent)
                if (is_at(&tree->nodes[i], node->file, node->line))
                        return true;
        return false;
}

static int by_line(const void *a, const void *b)
{
        const struct source_sum *x = a, *y = b;

        return x->line < y->line ? -1 : x->line > y->line;
}

/* Adds up what the frames of the tree in FILE hold, by line. */
static void sum_lines(struct stack_state *stack, const char *file)
{
        const struct tree *tree = &stack->tree;
        size_t n = 0, cap = 0, kept = 0;
        struct source_sum *sums = NULL;

        for (size_t i = 1; i < tree->n; i++) {
                const struct tree_node *node = &tree->nodes[i];

                if (node->line == 0 || !is_at(node, file, node->line) || is_again(tree, node))
                        continue;
                array_grow(sums, n, cap);
                sums[n++] = (struct source_sum){ node->line, node->live_bytes, node->rate_per_min };
        }
        if (n > 0)
                qsort(sums, n, sizeof *sums, by_line);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && sums[kept - 1].line == sums[i].line) {
                        sums[kept - 1].live_bytes += sums[i].live_bytes;
                        sums[kept - 1].rate_per_min += sums[i].rate_per_min;
                } else {
                        sums[kept++] = sums[i];
                }
        }
        stack->source_sums = sums ? sums : xcalloc(1, sizeof *sums);
        stack->n_source_sums = kept;
}

static const struct source_sum *sum_at(const struct stack_state *stack, uint32_t line)
{
        const struct source_sum key = { .line = line };

        return bsearch(&key, stack->source_sums, stack->n_source_sums, sizeof key, by_line);
}

/* ---- drawing ---- */

/* The line above: what is shown, and whether it can be trusted. The warning is never left out. */
static void draw_rule(const struct stack_state *stack, struct canvas *canvas, int x, int y, int width, const char *place)
{
        static const char *const warnings[] = {
                [SOURCE_FITS] = "", [SOURCE_NEWER] = "newer than the program", [SOURCE_DIFFERS] = "not the file that was compiled",
        };
        const char *warning = warnings[stack->source_match];
        int room = width - text_width(warning) - 12;
        char title[128];

        if (!warning[0]) {
                frame_rule(canvas, x, y, width, place,
                           stack->in_source ? "j k scroll   Tab: tree   e: editor" : "Tab: scroll   e: editor");
                return;
        }
        if (room < 8) {
                frame_rule(canvas, x, y, width, "", "");
                canvas_put(canvas, x, y, width, STYLE_WARN, warning);
                return;
        }
        place_fit(place, room, canvas->ascii, title, sizeof title);
        frame_rule(canvas, x, y, width, title, "");
        canvas_put(canvas, x + text_width(title) + 5, y, text_width(warning) + 2, STYLE_WARN, " ");
        canvas_put(canvas, x + text_width(title) + 6, y, width - text_width(title) - 6, STYLE_WARN, warning);
        canvas_put(canvas, x + text_width(title) + 6 + text_width(warning), y, 1, STYLE_PLAIN, " ");
}

/* "  86M +2.1M/min" of a line, "" when it holds nothing. */
static void line_figures(const struct source_sum *sum, char *ret, size_t size)
{
        char live[FMT_MAX], rate[FMT_MAX];

        ret[0] = '\0';
        if (!sum || sum->live_bytes <= 0)
                return;
        fmt_bytes(live, (uint64_t)sum->live_bytes);
        fmt_rate(rate, sum->rate_per_min);
        snprintf(ret, size, "  %s %s%s", live, rate, isfinite(sum->rate_per_min) ? "/min" : "");
}

static void put_line(const struct ui *ui, struct canvas *canvas, int x, int y, int width, uint32_t number, const char *text,
                     bool here)
{
        const struct stack_state *stack = &ui->stack;
        bool other = stack->source_match == SOURCE_DIFFERS; /* then its lines are not what runs */
        char figures[2 * FMT_MAX + 16], *line = source_line(text);
        int room = width - 7;

        line_figures(sum_at(stack, number), figures, sizeof figures);
        room -= figures[0] ? text_width(figures) + 1 : 0;
        canvas_printf(canvas, x, y, 7, here ? STYLE_BOLD : STYLE_DIM, "%s%5u%s", here ? ">" : " ", number, other ? "?" : "");
        canvas_put(canvas, x + 8, y, room - 1, here ? STYLE_BOLD : other ? STYLE_DIM : STYLE_PLAIN, line);
        if (figures[0])
                frame_right(canvas, x + width - text_width(figures) - 1, y, text_width(figures), here ? STYLE_BOLD : STYLE_PLAIN,
                            figures);
        free(line);
}

/* The first line shown: NODE's in the middle, and from there as far as was scrolled, but not beyond the ends. */
static uint32_t first_line(struct stack_state *stack, const struct tree_node *node, int height)
{
        long half = height > 1 ? height / 2 : 0, own = (long)node->line > half ? (long)node->line - half : 1;
        long last = (long)stack->source_lines - height + 1, first = own + stack->source_scroll;

        last = last > own ? last : own;
        first = first < 1 ? 1 : first > last ? last : first;
        stack->source_scroll = first - own;
        return (uint32_t)first;
}

void source_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                 const struct tree_node *node)
{
        struct stack_state *stack = &ui->stack;
        const char *text;
        uint32_t number;

        if (height < 1 || !source_available(ui, node))
                return;
        if (!stack->source_sums)
                sum_lines(stack, node->file);
        draw_rule(stack, canvas, x, y++, width, node->place);
        height--;
        stack->source_y = y;
        stack->source_height = height;
        number = first_line(stack, node, height);
        text = find_line(stack->source, number);
        for (int row = 0; row < height && text && *text; row++, number++) {
                put_line(ui, canvas, x, y + row, width, number, text, number == node->line);
                text = strchr(text, '\n');
                text = text ? text + 1 : NULL;
        }
        if (stack->in_source && height > 0) {
                canvas->cursor_x = x;
                canvas->cursor_y = y;
        }
}

bool source_mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        struct stack_state *stack = &ui->stack;
        bool over = stack->source_shown && event->y >= stack->source_y && event->y < stack->source_y + stack->source_height;

        (void)ret;
        if (over && (event->button == 4 || event->button == 5))
                stack->source_scroll += event->button == 5 ? 3 : -3;
        else if (event->button == 1)
                stack->in_source = over;
        return over;
}

bool source_key(struct ui *ui, enum command command)
{
        struct stack_state *stack = &ui->stack;
        long page = stack->source_height > 1 ? stack->source_height - 1 : 1;

        if (!stack->source_shown) {
                stack->in_source = false;
                return false;
        }
        switch (command) {
        case CMD_UP:
        case CMD_DOWN:
                stack->source_scroll += command == CMD_DOWN ? 1 : -1;
                return true;
        case CMD_PAGE_UP:
        case CMD_PAGE_DOWN:
                stack->source_scroll += command == CMD_PAGE_DOWN ? page : -page;
                return true;
        case CMD_HALF_UP:
        case CMD_HALF_DOWN:
                stack->source_scroll += command == CMD_HALF_DOWN ? page / 2 + 1 : -(page / 2 + 1);
                return true;
        case CMD_HOME:
        case CMD_END:
                stack->source_scroll = command == CMD_HOME ? INT32_MIN : INT32_MAX;
                return true;
        case CMD_BACK:
        case CMD_CLEAR:
                stack->in_source = false;
                return true;
        default:
                return false;
        }
}
