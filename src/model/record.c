#include "model/record.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static char *copy_string(const char *s)
{
        return s ? xstrdup(s) : NULL;
}

static void *copy_array(const void *rows, size_t n, size_t size)
{
        void *copy;

        if (n == 0)
                return NULL;
        copy = xreallocarray(NULL, n, size);
        memcpy(copy, rows, n * size);
        return copy;
}

/* For arrays whose rows own nothing. */
#define COPY_ROWS(tick, field) ((tick)->field = copy_array((tick)->field, (tick)->n_##field, sizeof *(tick)->field))

static void copy_names(struct rec_tick *tick)
{
        struct rec_module *modules = copy_array(tick->modules, tick->n_modules, sizeof *modules);
        struct rec_frame *frames = copy_array(tick->frames, tick->n_frames, sizeof *frames);

        for (size_t i = 0; i < tick->n_modules; i++) {
                modules[i].path = copy_string(modules[i].path);
                modules[i].build_id = copy_string(modules[i].build_id);
        }
        for (size_t i = 0; i < tick->n_frames; i++) {
                frames[i].func = copy_string(frames[i].func);
                frames[i].file = copy_string(frames[i].file);
        }
        tick->modules = modules;
        tick->frames = frames;
}

static void copy_members(struct rec_tick *tick)
{
        struct rec_member *members = copy_array(tick->members, tick->n_members, sizeof *members);

        for (size_t i = 0; i < tick->n_members; i++) {
                members[i].comm = copy_string(members[i].comm);
                members[i].exe = copy_string(members[i].exe);
                members[i].allocator = copy_string(members[i].allocator);
        }
        tick->members = members;
}

static void copy_happenings(struct rec_tick *tick)
{
        struct rec_event *events = copy_array(tick->events, tick->n_events, sizeof *events);
        struct rec_gap *gaps = copy_array(tick->gaps, tick->n_gaps, sizeof *gaps);
        struct rec_mark *marks = copy_array(tick->marks, tick->n_marks, sizeof *marks);
        struct rec_mark_edit *edits = copy_array(tick->mark_edits, tick->n_mark_edits, sizeof *edits);

        for (size_t i = 0; i < tick->n_events; i++)
                events[i].text = copy_string(events[i].text);
        for (size_t i = 0; i < tick->n_gaps; i++)
                gaps[i].why = copy_string(gaps[i].why);
        for (size_t i = 0; i < tick->n_marks; i++)
                marks[i].name = copy_string(marks[i].name);
        for (size_t i = 0; i < tick->n_mark_edits; i++)
                edits[i].name = copy_string(edits[i].name);
        tick->events = events;
        tick->gaps = gaps;
        tick->marks = marks;
        tick->mark_edits = edits;
}

static void copy_naming(struct rec_tick *tick)
{
        struct rec_source_file *files = copy_array(tick->source_files, tick->n_source_files, sizeof *files);
        struct rec_naming *naming = copy_array(tick->naming, tick->n_naming, sizeof *naming);

        for (size_t i = 0; i < tick->n_source_files; i++) {
                files[i].path = copy_string(files[i].path);
                files[i].md5 = copy_string(files[i].md5);
        }
        for (size_t i = 0; i < tick->n_naming; i++)
                naming[i].fetching = copy_string(naming[i].fetching);
        tick->source_files = files;
        tick->naming = naming;
}

static void copy_threads(struct rec_tick *tick)
{
        struct rec_thread *threads = copy_array(tick->threads, tick->n_threads, sizeof *threads);

        for (size_t i = 0; i < tick->n_threads; i++)
                threads[i].comm = copy_string(threads[i].comm);
        tick->threads = threads;
}

struct rec_tick *rec_tick_copy(const struct rec_tick *tick)
{
        struct rec_tick *copy = xmalloc(sizeof *copy);

        *copy = *tick;
        copy_names(copy);
        copy_members(copy);
        copy_happenings(copy);
        copy_naming(copy);
        copy_threads(copy);
        COPY_ROWS(copy, stacks);
        COPY_ROWS(copy, sites);
        COPY_ROWS(copy, changes);
        COPY_ROWS(copy, classes);
        COPY_ROWS(copy, states);
        COPY_ROWS(copy, births);
        COPY_ROWS(copy, deaths);
        COPY_ROWS(copy, member_ticks);
        COPY_ROWS(copy, answered);
        COPY_ROWS(copy, memory);
        COPY_ROWS(copy, before_classes);
        COPY_ROWS(copy, class_means);
        COPY_ROWS(copy, module_files);
        return copy;
}

/* Rows are const for those who read a tick; a copy is ours to free. */
static void release(const void *p)
{
        free((void *)(uintptr_t)p);
}

void rec_tick_free(struct rec_tick *tick)
{
        if (!tick)
                return;
        for (size_t i = 0; i < tick->n_modules; i++) {
                release(tick->modules[i].path);
                release(tick->modules[i].build_id);
        }
        for (size_t i = 0; i < tick->n_frames; i++) {
                release(tick->frames[i].func);
                release(tick->frames[i].file);
        }
        for (size_t i = 0; i < tick->n_members; i++) {
                release(tick->members[i].comm);
                release(tick->members[i].exe);
                release(tick->members[i].allocator);
        }
        for (size_t i = 0; i < tick->n_events; i++)
                release(tick->events[i].text);
        for (size_t i = 0; i < tick->n_gaps; i++)
                release(tick->gaps[i].why);
        for (size_t i = 0; i < tick->n_marks; i++)
                release(tick->marks[i].name);
        for (size_t i = 0; i < tick->n_mark_edits; i++)
                release(tick->mark_edits[i].name);
        for (size_t i = 0; i < tick->n_source_files; i++) {
                release(tick->source_files[i].path);
                release(tick->source_files[i].md5);
        }
        for (size_t i = 0; i < tick->n_naming; i++)
                release(tick->naming[i].fetching);
        for (size_t i = 0; i < tick->n_threads; i++)
                release(tick->threads[i].comm);
        release(tick->modules);
        release(tick->frames);
        release(tick->stacks);
        release(tick->sites);
        release(tick->changes);
        release(tick->classes);
        release(tick->states);
        release(tick->births);
        release(tick->deaths);
        release(tick->events);
        release(tick->gaps);
        release(tick->marks);
        release(tick->mark_edits);
        release(tick->members);
        release(tick->member_ticks);
        release(tick->answered);
        release(tick->memory);
        release(tick->before_classes);
        release(tick->class_means);
        release(tick->source_files);
        release(tick->module_files);
        release(tick->naming);
        release(tick->threads);
        free(tick);
}
