/* names_tool: names addresses of a file as the recorder does: names_tool [--root DIR] FILE <addresses. One line for
 * each address (an ELF virtual address, hexadecimal), frames from the innermost out: function, file and line, `?`
 * for what is not known, `~` before a name that is a guess. */
#include "target/dwarf_process.h"
#include "target/image.h"
#include "target/naming.h"
#include "target/root.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print(const struct naming_frame *frame, bool first)
{
        const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;

        printf("%s%s%s %s:%" PRIu32, first ? "" : " < ", frame->nearest ? "~" : "", frame->func ? frame->func : "?",
               slash ? slash + 1 : frame->file ? frame->file : "?", frame->line);
}

int main(int argc, char **argv)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct dwarf_process *lines = dwarf_process_new();
        struct naming *naming = NULL;
        struct image *image = NULL;
        int root = ROOT_OWN;
        uint64_t addr;

        if (argc == 4 && strcmp(argv[1], "--root") == 0)
                root = open(argv[2], O_PATH | O_CLOEXEC);
        if ((argc != 2 && argc != 4) || image_open_in(root, argv[argc - 1], &image) < 0 ||
            naming_open(image, lines, &naming) < 0) {
                fprintf(stderr, "usage: names_tool [--root DIR] FILE\n");
                return 1;
        }
        while (scanf("%" SCNx64, &addr) == 1) {
                size_t n = naming_lookup(naming, addr, true, frames, NAMING_FRAMES_MAX);

                for (size_t i = 0; i < n; i++)
                        print(&frames[i], i == 0);
                putchar('\n');
        }
        naming_close(naming);
        image_close(image);
        dwarf_process_free(lines);
        return 0;
}
