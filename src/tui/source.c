/* The path comes out of the target's debug information: it can name anything. Only a regular file is read,
 * and never one that would block. */
#include "tui/ui_state.h"
#include "tui/width.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fmt.h"
#include "base/text.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 4 << 20, TAB = 8 };

static char *read_regular(const char *path)
{
        struct stat st;
        char *text = NULL;
        size_t len = 0;
        ssize_t n = 0;
        int fd;

        if (path[0] != '/')
                return NULL;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return NULL;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LARGEST) {
                text = xmalloc((size_t)st.st_size + 1);
                while (len < (size_t)st.st_size && (n = read(fd, text + len, (size_t)st.st_size - len)) > 0)
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

bool source_available(struct ui *ui, const struct tree_node *node)
{
        struct stack_state *stack = &ui->stack;

        if (!node || !node->file || node->line == 0)
                return false;
        if (stack->source_known && stack->source_path && strcmp(stack->source_path, node->file) == 0)
                return stack->source != NULL;
        free(stack->source);
        free(stack->source_path);
        stack->source_path = xstrdup(node->file);
        stack->source = read_regular(node->file);
        stack->source_known = true;
        return stack->source != NULL;
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

void source_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                 const struct tree_node *node)
{
        uint32_t half = (uint32_t)(height > 1 ? height / 2 : 0), first;

        if (!source_available(ui, node) || height < 1)
                return;
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
                canvas_printf(canvas, x, y + row, 7, here ? STYLE_BOLD : STYLE_DIM, "%s%5u", here ? ">" : " ",
                              number);
                canvas_put(canvas, x + 8, y + row, room - 1, here ? STYLE_BOLD : STYLE_PLAIN, line);
                if (here)
                        frame_right(canvas, x + width - text_width(figures) - 1, y + row, text_width(figures),
                                    STYLE_BOLD, figures);
                free(line);
        }
}
