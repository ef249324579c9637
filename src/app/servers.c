#include "app/servers.h"

#include "base/log.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static const char *variable(const char *name)
{
        const char *value = getenv(name);

        return value && value[0] ? value : NULL;
}

static void fetch_as_nobody(struct debuginfod_options *options)
{
        const struct passwd *nobody = getpwnam("nobody");

        options->uid = nobody && nobody->pw_uid ? nobody->pw_uid : NOBODY;
        options->gid = nobody && nobody->pw_gid ? nobody->pw_gid : NOBODY;
        options->home = "/";
        if (!options->cache)
                options->cache = SERVERS_ROOT_CACHE;
}

struct servers servers_find(bool off, const struct user *user)
{
        struct servers servers = { .options = { .urls = variable("DEBUGINFOD_URLS"),
                                                .cache = variable("DEBUGINFOD_CACHE_PATH"), .home = user->home,
                                                .uid = user->uid, .gid = user->gid } };

        servers.on = !off && servers.options.urls;
        if (geteuid() == 0 && user->uid == 0)
                fetch_as_nobody(&servers.options);
        else if (!user->invoking)
                servers.options.xdg_cache = variable("XDG_CACHE_HOME"); /* with sudo it is root's */
        return servers;
}

/* Its parents are root's, so nobody else can have put something in its place. */
static void make_root_cache(const struct debuginfod_options *options)
{
        bool made = mkdir("/var/cache/heaptop", 0755) == 0;

        if (!made ? errno != EEXIST : chmod("/var/cache/heaptop", 0755) < 0) /* whatever the umask is */
                log_debug("cannot make /var/cache/heaptop");
        else if (mkdir(SERVERS_ROOT_CACHE, 0700) == 0 && lchown(SERVERS_ROOT_CACHE, options->uid, options->gid) < 0)
                log_debug("cannot give " SERVERS_ROOT_CACHE " away");
}

const struct debuginfod_options *servers_options(const struct servers *servers)
{
        if (!servers->on)
                return NULL;
        if (geteuid() == 0 && servers->options.cache && strcmp(servers->options.cache, SERVERS_ROOT_CACHE) == 0)
                make_root_cache(&servers->options);
        return &servers->options;
}
