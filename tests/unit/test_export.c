#include "unit.h"

#include "report/export.h"
#include "report/redact.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "fake_history.h"
#include "session.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { MIB = 1 << 20, LONG_NAME = 64 << 10 };

#define HOSTILE "=evil;\x1b]0;owned\a\"quoted\",\r\nnext \u202e\\"

/* Three sites: a hostile name, one of 64 KiB, one of which nothing lives, and one of mapped memory. */
static struct fake *make_session(void)
{
        static char long_name[LONG_NAME + 1];
        struct fake *fake = fake_new();
        uint32_t hostile = fake_add_site(fake, HOSTILE, "/home/me/src/=store.cc", 88), dead, mapped, lengthy;

        memset(long_name, 'x', LONG_NAME);
        lengthy = fake_add_site(fake, long_name, "/srv/x.c", 1);
        dead = fake_add_site(fake, "parse", "/home/me/src/json.cc", 7);
        mapped = fake_add_site(fake, "arena", "/home/me/src/arena.cc", 9);
        fake_set_kind(fake, mapped, REC_SITE_MAPPED);
        fake_add_inline(fake, 2, "inner::call", "/home/me/src/inner.h", 22);
        fake_set_live(fake, hostile, 5 * MIB, 50);
        fake_set_live(fake, dead, 3 * MIB, 3);
        fake_set_live(fake, mapped, 64 * MIB, 1);
        fake_add_block(fake, fake_stack_of(fake, hostile), 5 * MIB, 1, FAKE_START_NS + NS_PER_S / 2, 0);
        fake_add_event(fake, REC_EVENT_DLOPEN, "loaded /opt/secret/libx.so");
        fake_add_mark(fake, "A");
        fake_tick(fake);
        fake_set_live(fake, hostile, 8 * MIB, 80);
        fake_set_live(fake, lengthy, MIB, 10);
        fake_set_live(fake, dead, 0, 0);
        fake_add_block(fake, fake_stack_of(fake, hostile), MIB, 3, FAKE_START_NS + NS_PER_S + 5, 0);
        fake_add_block(fake, fake_stack_of(fake, lengthy), MIB, 1, FAKE_START_NS + NS_PER_S + 5, 0);
        fake_tick(fake);
        return fake;
}

static char *export(struct fake *fake, const struct export_options *options, size_t *ret_len)
{
        struct err err = { 0 };
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        if (export_write(out, fake_history(fake), options, &err) < 0)
                fail_msg("%s", err.text);
        fclose(out);
        if (ret_len)
                *ret_len = len;
        return text;
}

static bool is_harmless(const char *text)
{
        for (const char *p = text; *p; p++)
                if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\r') || *p == 0x7f)
                        return false;
        return !strstr(text, "\u202e");
}

/* ---- folded ---- */

static int64_t sum_of_folded(const char *text, size_t *ret_lines)
{
        int64_t sum = 0;

        for (*ret_lines = 0; *text; ++*ret_lines) {
                const char *end = strchr(text, '\n'), *blank = end;

                assert_non_null(end);
                while (*blank != ' ')
                        blank--;
                sum += strtoll(blank, NULL, 10);
                text = end + 1;
        }
        return sum;
}

static void folded_is_a_line_for_each_stack_whatever_the_names_are(void **state)
{
        struct fake *fake = make_session();
        char *text = export(fake, &(struct export_options){ .format = EXPORT_FOLDED }, NULL);
        size_t n;

        assert_int_equal(sum_of_folded(text, &n), 9 * MIB); /* neither what is mapped nor what is dead */
        assert_int_equal(n, 2);
        assert_true(is_harmless(text));
        /* an inlined call is a frame */
        assert_non_null(strstr(text, "main;dispatch;inner::call;=evil\\x3b\\x1b]0\\x3bowned"));
        free(text);
        text = export(fake, &(struct export_options){ .format = EXPORT_FOLDED, .metric = EXPORT_BORN }, NULL);
        assert_int_equal(sum_of_folded(text, &n), 12 * MIB);
        assert_non_null(strstr(text, "main;dispatch;inner::call;parse 3145728\n"));
        free(text);
        text = export(fake, &(struct export_options){ .format = EXPORT_FOLDED, .metric = EXPORT_KEPT,
                                                      .range = "1..2" }, NULL);
        assert_int_equal(sum_of_folded(text, &n), 4 * MIB);
        free(text);
        text = export(fake, &(struct export_options){ .format = EXPORT_FOLDED, .metric = EXPORT_KEPT }, NULL);
        assert_int_equal(sum_of_folded(text, &n), 9 * MIB); /* since the attach: all that lives */
        free(text);
        fake_free(fake);
}

/* ---- csv ---- */

static void csv_quotes_and_disarms_formulas(void **state)
{
        struct fake *fake = make_session();
        char *text = export(fake, &(struct export_options){ .format = EXPORT_CSV }, NULL);

        assert_non_null(strstr(text, "id,kind,class,function,"));
        assert_non_null(strstr(text, "\"'=evil;\\x1b]0;owned\\x07\"\"quoted\"\","
                                     "\\x0d\\x0anext \\u202e\\\",/home/me/src/=store.cc,88,"));
        assert_non_null(strstr(text, "mapped,young,arena,"));
        assert_non_null(strstr(text, "0,before,,before attach,"));
        assert_true(is_harmless(text));
        free(text);
        text = export(fake, &(struct export_options){ .format = EXPORT_CSV, .redact = true }, NULL);
        assert_non_null(strstr(text, ",'=store.cc,88,"));
        assert_null(strstr(text, "/home"));
        assert_null(strstr(text, "/usr"));
        free(text);
        fake_free(fake);
}

/* ---- json and speedscope ---- */

static json_t *export_as_json(struct fake *fake, const struct export_options *options)
{
        size_t len;
        char *text = export(fake, options, &len);
        json_error_t error;
        json_t *root = json_loadb(text, len, 0, &error);

        if (!root)
                fail_msg("line %d: %s", error.line, error.text);
        assert_true(is_harmless(text));
        free(text);
        return root;
}

static int64_t sum_of(json_t *list, const char *key)
{
        int64_t sum = 0;

        for (size_t i = 0; i < json_array_size(list); i++)
                sum += json_integer_value(json_object_get(json_array_get(list, i), key));
        return sum;
}

static void json_has_all_sites_stacks_and_frames(void **state)
{
        struct fake *fake = make_session();
        json_t *root = export_as_json(fake,
                                      &(struct export_options){ .format = EXPORT_JSON, .range = "A..2" });
        json_t *stacks = json_object_get(root, "stacks"), *frames = json_object_get(root, "frames");

        assert_int_equal(json_integer_value(json_object_get(root, "heaptop_schema")), 1);
        assert_int_equal(json_array_size(json_object_get(root, "sites")), 4);
        assert_int_equal(json_array_size(stacks), 4);
        assert_int_equal(sum_of(stacks, "live_bytes"), 73 * MIB);
        assert_int_equal(sum_of(stacks, "kept_bytes"), 4 * MIB + 0);
        assert_int_equal(sum_of(stacks, "born_bytes"), 4 * MIB);
        assert_int_equal(json_array_size(frames), 6); /* main, dispatch and four more */
        assert_int_equal(json_array_size(json_object_get(root, "series")), 2);
        assert_int_equal(json_array_size(json_object_get(root, "modules")), 1);
        json_decref(root);
        fake_free(fake);
}

static void speedscope_has_a_profile_for_each_metric(void **state)
{
        static const int64_t totals[] = { 9 * MIB, 9 * MIB, 12 * MIB };
        struct fake *fake = make_session();
        json_t *root = export_as_json(fake,
                                      &(struct export_options){ .format = EXPORT_SPEEDSCOPE,
                                                                .metric = EXPORT_BORN });
        json_t *profiles = json_object_get(root, "profiles");
        size_t n_frames = json_array_size(json_object_get(json_object_get(root, "shared"), "frames"));

        assert_int_equal(json_integer_value(json_object_get(root, "activeProfileIndex")), 2);
        assert_int_equal(json_array_size(profiles), 3);
        for (size_t i = 0; i < 3; i++) {
                json_t *profile = json_array_get(profiles, i),
                        *samples = json_object_get(profile, "samples"), *stack, *frame;
                json_t *weights = json_object_get(profile, "weights");
                size_t k, m;

                assert_string_equal(json_string_value(json_object_get(profile, "unit")), "bytes");
                assert_int_equal(json_integer_value(json_object_get(profile, "endValue")), totals[i]);
                assert_int_equal(json_array_size(samples), json_array_size(weights));
                json_array_foreach(samples, k, stack)
                        json_array_foreach(stack, m, frame)
                                assert_in_range(json_integer_value(frame), 0, n_frames - 1);
        }
        json_decref(root);
        fake_free(fake);
}

static void nothing_of_host_user_paths_and_arguments_is_left_after_redaction(void **state)
{
        static const char *const secrets[] = { "web3", "--prod", "/home", "/srv", "/opt", "/usr",
                                               "web.slice", "\"web\"" };
        struct fake *fake = make_session();

        for (int format = EXPORT_FOLDED; format < EXPORT_FORMATS; format++) {
                char *text = export(fake,
                                    &(struct export_options){ .format = (enum export_format)format,
                                                              .redact = true }, NULL);

                for (size_t i = 0; i < array_len(secrets); i++)
                        if (strstr(text, secrets[i]))
                                fail_msg("%s: %s is in it", export_format_name((enum export_format)format),
                                         secrets[i]);
                free(text);
        }
        fake_free(fake);
}

static void redaction_keeps_the_last_part_of_paths_only(void **state)
{
        static const char *const pairs[][2] = {
                { "loaded /opt/x/libx.so", "loaded libx.so" },
                { "operator/", "operator/" },
                { "operator/=(int)", "operator/=(int)" },
                { "a/b", "a/b" }, /* 7 calls/s */
                { "exec \"/srv/my app\"", "exec \"my app\"" },
                { "run (/usr/bin/python3:12)", "run (python3:12)" },
                { "/", "/" },
                { "", "" },
        };

        for (size_t i = 0; i < array_len(pairs); i++) {
                char *text = redact_text(pairs[i][0]);

                assert_string_equal(text, pairs[i][1]);
                free(text);
        }
        assert_string_equal(redact_path("/a/b.c"), "b.c");
        assert_string_equal(redact_path("b.c"), "b.c");
}

/* ---- openmetrics ---- */

static void openmetrics_escapes_labels_and_ends_with_eof(void **state)
{
        struct fake *fake = make_session();
        char *text = export(fake, &(struct export_options){ .format = EXPORT_OPENMETRICS }, NULL);
        size_t len = strlen(text);

        assert_string_equal(text + len - 6, "# EOF\n");
        assert_non_null(strstr(text, "# TYPE heaptop_alloc_bytes counter\n"
                                     "# UNIT heaptop_alloc_bytes bytes\n"));
        assert_non_null(strstr(text, "\nheaptop_alloc_bytes_total "));
        assert_non_null(strstr(text, "func=\"=evil;\\\\x1b]0;owned\\\\x07"
                                     "\\\"quoted\\\",\\\\x0d\\\\x0anext \\\\u202e\\\\\","));
        assert_true(is_harmless(text));
        free(text);
        fake_free(fake);
}

/* ---- pprof ---- */

static unsigned char *unzipped(const char *bytes, size_t len, size_t *ret_len)
{
        enum { ROOM = 1 << 20, WITH_GZIP = 16 };
        unsigned char *room = xmalloc(ROOM);
        z_stream stream = { .next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (unsigned)len,
                            .next_out = room, .avail_out = ROOM };

        assert_int_equal(inflateInit2(&stream, MAX_WBITS + WITH_GZIP), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.avail_in, 0);
        inflateEnd(&stream);
        *ret_len = ROOM - stream.avail_out;
        return room;
}

static uint64_t varint(const unsigned char **at, const unsigned char *end)
{
        uint64_t value = 0;

        for (int shift = 0; shift < 64; shift += 7) {
                assert_true(*at < end);
                value |= (uint64_t)(**at & 0x7f) << shift;
                if (!(*(*at)++ & 0x80))
                        return value;
        }
        fail_msg("a number that does not end");
        return 0;
}

/* The next field of a message; of one with a length *RET_BYTES is where it begins, else *RET_VALUE is what
 * it is. */
static bool next_field(const unsigned char **at, const unsigned char *end, unsigned *ret_field,
                       uint64_t *ret_value,
                       const unsigned char **ret_bytes)
{
        uint64_t tag;

        if (*at >= end)
                return false;
        tag = varint(at, end);
        *ret_field = (unsigned)(tag >> 3);
        *ret_value = varint(at, end);
        *ret_bytes = NULL;
        if ((tag & 7) == 2) {
                assert_true(*ret_value <= (uint64_t)(end - *at));
                *ret_bytes = *at;
                *at += *ret_value;
        } else {
                assert_int_equal(tag & 7, 0);
        }
        return true;
}

struct found {
        int64_t sums[4];
        size_t samples, locations, functions, mappings, strings, longest;
};

static void add_values(struct found *found, const unsigned char *at, const unsigned char *end)
{
        const unsigned char *bytes;
        unsigned field;
        uint64_t value;

        while (next_field(&at, end, &field, &value, &bytes)) {
                const unsigned char *p = bytes;

                if (field == 2 && bytes)
                        for (int i = 0; p < bytes + value; i++)
                                found->sums[i] += (int64_t)varint(&p, bytes + value);
        }
}

static struct found read_pprof(const char *gzipped, size_t gzipped_len)
{
        struct found found = { .samples = 0 };
        const unsigned char *at, *end, *bytes;
        unsigned char *message;
        unsigned field;
        uint64_t value;
        size_t len;

        message = unzipped(gzipped, gzipped_len, &len);
        at = message;
        end = message + len;
        while (next_field(&at, end, &field, &value, &bytes)) {
                found.samples += field == 2;
                found.mappings += field == 3;
                found.locations += field == 4;
                found.functions += field == 5;
                found.strings += field == 6;
                if (field == 2)
                        add_values(&found, bytes, bytes + value);
                if (field == 6 && found.strings == 1)
                        assert_int_equal(value, 0); /* the first string is "" */
                if (field == 6 && value > found.longest)
                        found.longest = value;
        }
        free(message);
        return found;
}

static void pprof_has_four_values_for_each_stack(void **state)
{
        struct fake *fake = make_session();
        size_t len;
        char *bytes = export(fake, &(struct export_options){ .format = EXPORT_PPROF }, &len);
        struct found found = read_pprof(bytes, len);

        assert_int_equal(found.samples, 3);
        assert_int_equal(found.sums[0], 93); /* alloc_objects */
        assert_int_equal(found.sums[1], 12 * MIB);
        assert_int_equal(found.sums[2], 90);
        assert_int_equal(found.sums[3], 9 * MIB);
        assert_int_equal(found.mappings, 1);
        /* main, dispatch and three more: an inlined call is no location */
        assert_int_equal(found.locations, 5);
        assert_int_equal(found.functions, 6);
        assert_int_equal(found.longest, LONG_NAME);
        free(bytes);
        bytes = export(fake, &(struct export_options){ .format = EXPORT_PPROF, .metric = EXPORT_KEPT,
                                                       .range = "1..2" }, &len);
        found = read_pprof(bytes, len);
        assert_int_equal(found.sums[1], 4 * MIB);
        assert_int_equal(found.sums[3], 4 * MIB);
        free(bytes);
        fake_free(fake);
}

/* ---- sessions that hold nothing, moments, files ---- */

static void a_session_without_sites_is_exported_too(void **state)
{
        struct fake *fake = fake_new();

        fake_tick(fake);
        for (int format = 0; format < EXPORT_FORMATS; format++) {
                size_t len;
                char *text = export(fake, &(struct export_options){ .format = (enum export_format)format },
                                    &len);

                if (format == EXPORT_JSON || format == EXPORT_SPEEDSCOPE) {
                        json_t *root = json_loadb(text, len, 0, NULL);

                        assert_non_null(root);
                        json_decref(root);
                } else if (format == EXPORT_PPROF) {
                        assert_int_equal(read_pprof(text, len).samples, 0);
                }
                free(text);
        }
        fake_free(fake);
}

static void a_session_that_has_not_begun_and_a_wrong_moment_are_said(void **state)
{
        struct fake *fake = fake_new();
        struct err err = { 0 };

        assert_int_equal(export_write(stdout, fake_history(fake), &(struct export_options){ 0 }, &err),
                         -EAGAIN);
        assert_non_null(strstr(err.text, "nothing has been recorded yet"));
        fake_tick(fake);
        err = (struct err){ 0 };
        assert_int_equal(export_write(stdout, fake_history(fake), &(struct export_options){ .at = "Z" },
                                      &err), -EINVAL);
        assert_string_equal(err.text, "'Z' is no moment of this session: say a tick, 13:05:30, -10m, "
                            "or a mark (it has none) (E407)");
        fake_free(fake);
}

static int write_word(void *arg, FILE *out, struct err *err)
{
        fputs(arg, out);
        return 0;
}

static int write_half(void *arg, FILE *out, struct err *err)
{
        fputs(arg, out);
        return err_set(err, EIO, "lost half way");
}

static void assert_holds(const char *path, const char *text)
{
        size_t len;
        unsigned char *bytes = session_bytes(path, &len);

        assert_int_equal(len, strlen(text));
        assert_memory_equal(bytes, text, len);
        free(bytes);
}

static void a_file_appears_whole_or_not_at_all(void **state)
{
        const char *path = session_path("saved");
        struct err err = { 0 };

        assert_int_equal(export_save(path, false, write_half, (void *)(uintptr_t)"ha", &err), -EIO);
        assert_string_equal(err.text, "lost half way");
        assert_int_equal(access(path, F_OK), -1);
        err = (struct err){ 0 };
        assert_int_equal(export_save(path, false, write_word, (void *)(uintptr_t)"first", &err), 0);
        assert_holds(path, "first");
        assert_int_equal(export_save(path, false, write_word, (void *)(uintptr_t)"second", &err), -EEXIST);
        assert_non_null(strstr(err.text, "is there already; name another file, or say --force"));
        assert_int_equal(err.exit_status, 73);
        assert_holds(path, "first");
        err = (struct err){ 0 };
        assert_int_equal(export_save(path, true, write_half, (void *)(uintptr_t)"ha", &err), -EIO);
        assert_holds(path, "first");
        err = (struct err){ 0 };
        assert_int_equal(export_save(path, true, write_word, (void *)(uintptr_t)"second", &err), 0);
        assert_holds(path, "second");
        assert_int_equal(export_save("/nonexistent/x", false, write_word, (void *)(uintptr_t)"x", &err),
                         -ENOENT);
        assert_int_equal(err.exit_status, 73);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(folded_is_a_line_for_each_stack_whatever_the_names_are),
                cmocka_unit_test(csv_quotes_and_disarms_formulas),
                cmocka_unit_test(json_has_all_sites_stacks_and_frames),
                cmocka_unit_test(speedscope_has_a_profile_for_each_metric),
                cmocka_unit_test(nothing_of_host_user_paths_and_arguments_is_left_after_redaction),
                cmocka_unit_test(redaction_keeps_the_last_part_of_paths_only),
                cmocka_unit_test(openmetrics_escapes_labels_and_ends_with_eof),
                cmocka_unit_test(pprof_has_four_values_for_each_stack),
                cmocka_unit_test(a_session_without_sites_is_exported_too),
                cmocka_unit_test(a_session_that_has_not_begun_and_a_wrong_moment_are_said),
                cmocka_unit_test(a_file_appears_whole_or_not_at_all),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
