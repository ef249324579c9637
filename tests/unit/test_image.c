#include "unit.h"

#include "target/image.h"
#include "target/memory.h"
#include "target/modules.h"
#include "target/proc.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct search {
        const char *name;
        uint64_t addr, size;
};

static int find_function(void *ctx, const struct image_symbol *symbol)
{
        struct search *search = ctx;

        if (strcmp(symbol->name, search->name) != 0)
                return 0;
        search->addr = symbol->addr;
        search->size = symbol->size;
        return 1;
}

/* A function that is certain to have a symbol of its own. */
__attribute__((noinline)) int image_test_landmark(int x);
int image_test_landmark(int x)
{
        return x * 3 + 1;
}

static void knows_where_its_own_functions_are(void **state)
{
        struct search search = { .name = "image_test_landmark" };
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        const struct module *module;
        const uint8_t *bytes;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &modules), 0);
        module = modules_find(&modules, (uint64_t)(uintptr_t)image_test_landmark);
        assert_non_null(module);
        assert_non_null(module->image);
        assert_int_equal(image_machine(module->image), IMAGE_X86_64);
        assert_true(image_has_symtab(module->image));
        assert_int_equal(image_functions(module->image, find_function, &search), 1);
        assert_int_equal(module->bias + search.addr, (uint64_t)(uintptr_t)image_test_landmark);
        bytes = image_bytes(module->image, search.addr, search.size);
        assert_non_null(bytes);
        assert_memory_equal(bytes, (const void *)image_test_landmark, search.size);
        modules_done(&modules);
        maps_done(&maps);
}

static void finds_libc_with_its_bias_and_build_id(void **state)
{
        struct search search = { .name = "malloc" };
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        const struct module *module;
        uint64_t addr, len, at;
        size_t bytes;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &modules), 0);
        module = modules_find(&modules, (uint64_t)(uintptr_t)dlsym(RTLD_NEXT, "gnu_get_libc_version"));
        assert_non_null(module);
        assert_non_null(strstr(module->path, "libc"));
        assert_int_equal(image_functions(module->image, find_function, &search), 1);
        assert_true(strlen(image_build_id(module->image)) >= 16);
        assert_non_null(image_section(module->image, ".eh_frame", &at, &bytes));
        assert_true(bytes > 1000);
        assert_true(image_code(module->image, 0, &addr, &len));
        assert_true(search.addr >= addr && search.addr < addr + len);
        assert_false(image_code(module->image, 99, &addr, &len));
        modules_done(&modules);
        maps_done(&maps);
}

static void lists_the_vdso_and_no_two_modules_for_one_file(void **state)
{
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        size_t vdso = 0;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &modules), 0);
        for (size_t i = 0; i < modules.n; i++) {
                if (strcmp(modules.v[i].path, "[vdso]") == 0) {
                        vdso++;
                        assert_non_null(modules.v[i].image);
                }
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(modules.v[i].path, modules.v[k].path);
        }
        assert_true(vdso <= 1);
        modules_done(&modules);
        maps_done(&maps);
}

/* As node does: the code of our own file stands in memory a second time, at another distance from the file's addresses. */
static void a_file_mapped_twice_is_two_modules_with_a_bias_each(void **state)
{
        uint64_t here = (uint64_t)(uintptr_t)find_function;
        const struct mapping *mapping;
        const struct module *one = NULL, *two = NULL;
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        uint8_t *copy;
        size_t size;
        int fd;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        mapping = maps_find(&maps, here);
        assert_non_null(mapping);
        size = mapping->end - mapping->start;
        fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        copy = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, (off_t)mapping->offset);
        assert_true(copy != MAP_FAILED);
        close(fd);
        here -= mapping->start; /* in the mapping */
        maps_done(&maps);

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &modules), 0);
        for (size_t i = 0; i < modules.n; i++) {
                const struct module *m = &modules.v[i];

                if ((uint64_t)(uintptr_t)find_function - m->start < m->end - m->start)
                        one = m;
                if ((uint64_t)(uintptr_t)copy + here - m->start < m->end - m->start)
                        two = m;
        }
        assert_non_null(one);
        assert_non_null(two);
        assert_ptr_not_equal(one, two);
        assert_int_equal(two->bias - one->bias, (uint64_t)(uintptr_t)copy + here - (uint64_t)(uintptr_t)find_function);
        modules_done(&modules);
        maps_done(&maps);
        munmap(copy, size);
}

static void a_refresh_keeps_the_open_images(void **state)
{
        struct maps maps = { 0 };
        struct modules first = { 0 }, second = { 0 };
        struct image *image;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &first), 0);
        assert_true(first.n > 1);
        image = first.v[0].image;
        assert_int_equal(modules_read(getpid(), &maps, &first, &second), 0);
        assert_ptr_equal(second.v[0].image, image);
        assert_int_equal(first.n, 0);
        modules_done(&second);
        maps_done(&maps);
}

static void refuses_what_is_not_an_elf_file(void **state)
{
        struct image *image = NULL;
        char path[64];

        assert_int_equal(image_open_path("/nonexistent/file", &image), -ENOENT);
        assert_int_equal(image_open_path("/dev/null", &image), -ENOEXEC);
        assert_int_equal(image_open_path("/proc/self/status", &image), -ENOEXEC);
        snprintf(path, sizeof path, "/tmp/test_image.%d", (int)getpid());
        assert_int_equal(mkfifo(path, 0600), 0); /* opening it for reading would block */
        assert_int_equal(image_open_path(path, &image), -ENOEXEC);
        unlink(path);
        assert_null(image);
        image_close(NULL);
}

static void bytes_outside_of_the_file_are_not_there(void **state)
{
        struct image *image = NULL;
        uint64_t addr, len;

        assert_int_equal(image_open_path("/proc/self/exe", &image), 0);
        assert_true(image_code(image, 0, &addr, &len));
        assert_non_null(image_bytes(image, addr, 1));
        assert_null(image_bytes(image, addr, SIZE_MAX));
        assert_null(image_bytes(image, UINT64_MAX, 1));
        assert_null(image_bytes(image, addr, 0));
        image_close(image);
}

static void reads_memory_up_to_the_first_hole(void **state)
{
        static const char text[] = "the quick brown fox";
        char copy[sizeof text];
        int fd = memory_open(getpid(), 0);

        assert_true(fd >= 0);
        assert_int_equal(memory_read(fd, (uint64_t)(uintptr_t)text, copy, sizeof copy), 0);
        assert_string_equal(copy, text);
        assert_int_equal(memory_read(fd, 0, copy, 8), -EFAULT);
        assert_int_equal(memory_read(fd, UINT64_MAX - 3, copy, 8), -EFAULT);
        assert_int_equal(memory_read_some(fd, 0, copy, 8), 0);
        close(fd);
        assert_int_equal(memory_open(0x7ffffff0, 0), -ESRCH);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_where_its_own_functions_are),
                cmocka_unit_test(finds_libc_with_its_bias_and_build_id),
                cmocka_unit_test(lists_the_vdso_and_no_two_modules_for_one_file),
                cmocka_unit_test(a_file_mapped_twice_is_two_modules_with_a_bias_each),
                cmocka_unit_test(a_refresh_keeps_the_open_images),
                cmocka_unit_test(refuses_what_is_not_an_elf_file),
                cmocka_unit_test(bytes_outside_of_the_file_are_not_there),
                cmocka_unit_test(reads_memory_up_to_the_first_hole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
