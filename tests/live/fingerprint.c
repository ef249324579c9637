/* fingerprint: what heaptop must leave exactly as it found it in a process, one fact a line.
 *
 *   fingerprint PID
 *
 * Executable mappings with a checksum of their bytes, mappings and descriptors that look like ours, the number of
 * threads, and each thread's blocked signals. Two runs with an attach and a detach in between print the same. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t checksum(int mem, uint64_t start, uint64_t end)
{
        static unsigned char bytes[1 << 16];
        uint64_t hash = 1469598103934665603ull; /* FNV-1a */

        while (start < end) {
                size_t want = end - start < sizeof bytes ? end - start : sizeof bytes;
                ssize_t n = pread(mem, bytes, want, (off_t)start);

                if (n <= 0)
                        return 0;
                for (ssize_t i = 0; i < n; i++)
                        hash = (hash ^ bytes[i]) * 1099511628211ull;
                start += (uint64_t)n;
        }
        return hash;
}

/* A thread that has not ended: the leader when it lives. */
static int live_thread(int pid)
{
        char path[300], line[256];
        int tid = pid;
        bool dead = true;
        struct dirent *entry;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/task", pid);
        dir = opendir(path);
        while (dead && dir && (entry = readdir(dir))) {
                FILE *status;

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, entry->d_name);
                status = fopen(path, "re");
                while (status && fgets(line, sizeof line, status))
                        if (!strncmp(line, "State:", 6))
                                dead = line[7] == 'Z' || line[7] == 'X';
                if (status)
                        fclose(status);
                if (!dead)
                        tid = atoi(entry->d_name);
        }
        if (dir)
                closedir(dir);
        return tid;
}

static void print_mappings(int pid)
{
        char path[64], line[1024], perms[8], name[512];
        unsigned long start, end;
        FILE *maps;
        int mem;

        snprintf(path, sizeof path, "/proc/%d/mem", pid);
        mem = open(path, O_RDONLY | O_CLOEXEC);
        snprintf(path, sizeof path, "/proc/%d/maps", pid);
        maps = fopen(path, "re");
        if (!maps || mem < 0) {
                perror(path);
                exit(1);
        }
        while (fgets(line, sizeof line, maps)) {
                name[0] = '\0';
                if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %511[^\n]", &start, &end, perms, name) < 3)
                        continue;
                if (strstr(name, "memfd:heaptop") || strstr(name, "anon:heaptop"))
                        printf("left: mapping %s\n", name);
                /* anonymous code is a JIT's: it comes and goes by itself */
                if (perms[2] == 'x' && (name[0] == '/' || !strcmp(name, "[vdso]")))
                        printf("code: %lx-%lx %s %016lx %s\n", start, end, perms,
                               (unsigned long)checksum(mem, start, end), name);
        }
        fclose(maps);
        close(mem);
}

static void print_descriptors(int pid)
{
        char path[300], target[512];
        struct dirent *entry;
        ssize_t n;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/fd", pid);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, entry->d_name);
                n = readlink(path, target, sizeof target - 1);
                if (n > 0) {
                        target[n] = '\0';
                        if (strstr(target, "memfd:heaptop"))
                                printf("left: descriptor %s\n", target);
                }
        }
        if (dir)
                closedir(dir);
}

static void print_threads(int pid)
{
        char path[300], line[256];
        struct dirent *entry;
        unsigned threads = 0;
        FILE *status;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/task", pid);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                threads++;
                snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, entry->d_name);
                status = fopen(path, "re");
                while (status && fgets(line, sizeof line, status)) {
                        if (!strncmp(line, "SigBlk:", 7) || !strncmp(line, "TracerPid:", 10))
                                printf("thread %s: %s", entry->d_name, line);
                }
                if (status)
                        fclose(status);
        }
        if (dir)
                closedir(dir);
        printf("threads: %u\n", threads);
}

int main(int argc, char **argv)
{
        int pid = argc == 2 ? atoi(argv[1]) : 0;

        if (pid <= 0) {
                fputs("usage: fingerprint PID\n", stderr);
                return 64;
        }
        print_mappings(live_thread(pid));
        print_descriptors(live_thread(pid));
        print_threads(pid);
        return 0;
}
