/* The path comes out of the target's debug information: it can name anything. Only a regular file is read,
 * and never one that would block.
 *
 * A file of that name need not be the one that was compiled. When the debug information tells its MD5 (clang does), its size or
 * its time, they decide; else a file that was changed after the program is suspected. */
#include "tui/ui_state.h"
#include "tui/width.h"

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

/* Line NUMBER (from 1) of TEXT with tabs as spaces and made harmless; NULL behind the end. The caller frees
 * it. */
static char *source_line(const char *text, uint32_t number)
{
        struct buf line = { 0 };
        char *raw, *clean;

        for (; number > 1; number--) {
                text = strchr(text, '\n');
                if (!text)
                        return NULL;
                text++;
        }
        if (*text == '\0')
                return NULL;
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
                frame_rule(canvas, x, y, width, place, "e: editor");
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

void source_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                 const struct tree_node *node)
{
        bool other = ui->stack.source_match == SOURCE_DIFFERS; /* then its lines are not what runs */
        uint32_t half, first;

        if (height < 1 || !source_available(ui, node))
                return;
        draw_rule(&ui->stack, canvas, x, y++, width, node->place);
        height--;
        half = (uint32_t)(height > 1 ? height / 2 : 0);
        first = node->line > half ? node->line - half : 1;
        for (int row = 0; row < height; row++) {
                uint32_t number = first + (uint32_t)row;
                bool here = number == node->line;
                char live[FMT_MAX], rate[FMT_MAX], figures[2 * FMT_MAX + 16] = "";
                char *line = source_line(ui->stack.source, number);
                int room = width - 7;

                if (!line)
                        break;
                if (here) {
                        fmt_bytes(live, node->live_bytes > 0 ? (uint64_t)node->live_bytes : 0);
                        fmt_rate(rate, node->rate_per_min);
                        snprintf(figures, sizeof figures, "  %s %s%s", live, rate,
                                 isfinite(node->rate_per_min) ? "/min" : "");
                        room -= text_width(figures) + 1;
                }
                canvas_printf(canvas, x, y + row, 7, here ? STYLE_BOLD : STYLE_DIM, "%s%5u%s", here ? ">" : " ",
                              number, other ? "?" : "");
                canvas_put(canvas, x + 8, y + row, room - 1, here ? STYLE_BOLD : other ? STYLE_DIM : STYLE_PLAIN, line);
                if (here)
                        frame_right(canvas, x + width - text_width(figures) - 1, y + row, text_width(figures),
                                    STYLE_BOLD, figures);
                free(line);
        }
}
