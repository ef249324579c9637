#include "report/redact.h"

#include "base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *redact_path(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

/* A path begins here: '/' that ends no word (as in "operator/") and has a name behind it. */
static bool begins_path(const char *text, const char *at)
{
        unsigned char before = at > text ? (unsigned char)at[-1] : ' ', after = (unsigned char)at[1];

        return *at == '/' && !isalnum(before) && before != '_' && before != '/' && before < 0x80 &&
               (isalnum(after) || strchr("._-~", after) || after >= 0x80) && after != '\0';
}

static bool is_of_path(unsigned char c)
{
        return c > ' ' && !strchr("\"'()<>,;:|", c);
}

char *redact_text(const char *text)
{
        struct buf out = { 0 };
        const char *p = text;

        while (*p) {
                const char *last;

                if (!begins_path(text, p)) {
                        buf_putc(&out, *p++);
                        continue;
                }
                for (last = p; is_of_path((unsigned char)*p); p++)
                        if (*p == '/')
                                last = p + 1;
                buf_add(&out, last, (size_t)(p - last));
        }
        return buf_take(&out);
}

static bool is_one_of(const char *key, const char *const *words)
{
        for (; key && *words; words++)
                if (strcmp(key, *words) == 0)
                        return true;
        return false;
}

static json_t *redact_string(const char *key, const char *text)
{
        static const char *const secret[] = { "host", "user", "cmdline", NULL };
        static const char *const paths[] = { "exe", "file", "path", "previous", "oom_source", NULL };
        json_t *value;
        char *shown;

        if (is_one_of(key, secret))
                return json_null();
        if (is_one_of(key, paths))
                return json_string(redact_path(text));
        if (key && strcmp(key, "limit_source") == 0)
                return json_stringn(text, strcspn(text, " "));
        shown = redact_text(text);
        value = json_string(shown);
        free(shown);
        return value;
}

static json_t *redact_under(const char *key, json_t *value)
{
        json_t *made, *item;
        const char *name;
        size_t i;

        switch (json_typeof(value)) {
        case JSON_STRING:
                return redact_string(key, json_string_value(value));
        case JSON_ARRAY:
                made = json_array();
                json_array_foreach(value, i, item)
                        json_array_append_new(made, redact_under(key, item));
                return made;
        case JSON_OBJECT:
                made = json_object();
                json_object_foreach(value, name, item)
                        json_object_set_new(made, name, redact_under(name, item));
                return made;
        default:
                return json_incref(value);
        }
}

json_t *redact_json(json_t *value)
{
        return redact_under(NULL, value);
}
