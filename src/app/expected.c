#include "app/expected.h"

#include "app/config.h"
#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "expected.supp";

static int read_one(const struct user *user, const char *path, struct suppress *suppress, struct err *err)
{
        char *text = NULL;
        int r = config_read_file(user, path, &text, err);

        if (r > 0)
                r = suppress_read(suppress, text, path, err) < 0 ? -EINVAL : 1;
        free(text);
        return r;
}

int expected_read(const struct user *user, const char *file, struct suppress **ret, char *ret_mistake,
                  size_t size, struct err *err)
{
        struct suppress *suppress = suppress_new();
        char *own = config_place(user, name);
        struct err wrong = { 0 };
        int r;

        ret_mistake[0] = '\0';
        if (own && read_one(user, own, suppress, &wrong) < 0)
                snprintf(ret_mistake, size, "%s", wrong.text);
        free(own);
        if (file) {
                r = read_one(user, file, suppress, err);
                if (r == 0)
                        r = err_set_id(err, ERROR_NO_FILE, ENOENT, "--expected: there is no file %s", file);
                if (r < 0) {
                        suppress_free(suppress);
                        return r;
                }
        }
        *ret = suppress;
        return 0;
}

int expected_write(const struct user *user, struct suppress *suppress, char **ret_path, struct err *err)
{
        char *added = suppress_added(suppress), *old = NULL, *text = NULL;
        struct user self = *user;
        int r = 0;

        *ret_path = config_place(user, name);
        if (!added[0])
                goto out;
        if (!*ret_path) {
                r = err_set(err, ENOENT, "you have no home to write %s to", name);
                goto out;
        }
        self.invoking = false; /* whoever we are by now */
        r = config_read_file(&self, *ret_path, &old, err);
        if (r < 0)
                goto out;
        text = xasprintf("%s%s%s", old ? old : "", old && old[0] && old[strlen(old) - 1] != '\n' ? "\n" : "",
                         added);
        r = config_replace_file(*ret_path, text, err);
        if (r < 0)
                goto out;
        suppress_written(suppress);
        r = (int)strlen(added);
out:
        free(text);
        free(old);
        free(added);
        return r;
}
