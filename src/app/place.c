#include "app/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_KEPT = 32 };

/* The part of NAME that is safe in a file name and never starts with '.' or '-'. */
static void sanitize(const char *name, char ret[NAME_MAX_KEPT + 1])
{
        size_t n = 0;

        for (; *name && n < NAME_MAX_KEPT; name++) {
                unsigned char c = (unsigned char)*name;
                bool good = isascii(c) && (isalnum(c) || c == '_' || ((c == '.' || c == '-') && n > 0));

                if (good)
                        ret[n++] = (char)c;
        }
        ret[n] = '\0';
        if (n == 0)
                strcpy(ret, "process");
}

static int make_dirs(char *path, struct err *err)
{
        for (char *p = path + 1;; p++) {
                char end = *p;

                if (end != '/' && end != '\0')
                        continue;
                *p = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return err_set_id(err, ERROR_CANNOT_CREATE, errno,
                                          "cannot make the folder %s for sessions: %s; name a file with -o", path,
                                          strerror(errno));
                *p = end;
                if (end == '\0')
                        return 0;
        }
}

static int default_path(const char *name, pid_t pid, const struct user *user, char *ret, struct err *err)
{
        char safe[NAME_MAX_KEPT + 1], when[32];
        char *dir = user_state_dir(user);
        time_t now = time(NULL);
        struct tm tm;
        int r;

        if (!dir)
                return err_set_id(err, ERROR_CANNOT_CREATE, ENOENT,
                                  "no home directory to keep the session in; name a file with -o");
        r = make_dirs(dir, err);
        if (r < 0)
                goto out;
        sanitize(name, safe);
        localtime_r(&now, &tm);
        strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
        if (snprintf(ret, PLACE_MAX, "%s/%s-%d-%s.heaptop", dir, safe, (int)pid, when) >= PLACE_MAX)
                r = err_set_id(err, ERROR_CANNOT_CREATE, ENAMETOOLONG,
                               "the path of the session is too long; name a file with -o");
        for (int n = 2; r == 0 && n < 10 && access(ret, F_OK) == 0; n++) /* two within a second */
                snprintf(ret, PLACE_MAX, "%s/%s-%d-%s-%d.heaptop", dir, safe, (int)pid, when, n);
out:
        free(dir);
        return r;
}

int place_new(const char *output, const char *name, pid_t pid, const struct user *user, char *ret, struct err *err)
{
        char cwd[PLACE_MAX];
        int n;

        if (!output)
                return default_path(name, pid, user, ret, err);
        if (output[0] == '/')
                n = snprintf(ret, PLACE_MAX, "%s", output);
        else if (getcwd(cwd, sizeof cwd))
                n = snprintf(ret, PLACE_MAX, "%s/%s", cwd, output);
        else
                return err_set(err, errno, "cannot tell the current folder: %s; give -o a path that starts with /",
                               strerror(errno));
        if (n >= PLACE_MAX)
                return err_set_id(err, ERROR_CANNOT_CREATE, ENAMETOOLONG,
                                  "the path given with -o is too long (%d bytes)", n);
        return 0;
}
