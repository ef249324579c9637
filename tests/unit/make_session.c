/* make_session: writes a sample session to FILE, for tests in shell. */
#include "sample.h"
#include "store/store.h"

#include <stdio.h>

int main(int argc, char **argv)
{
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: %s FILE\n", argv[0]);
                return 64;
        }
        sample_init(&s, 1, 180, 30, 8);
        r = store_create(argv[1], (uid_t)-1, &store, &err);
        if (r == 0)
                r = store_write_session(store, &s.session, &err);
        for (uint32_t i = 0; i < s.n_ticks && r == 0; i++)
                r = store_write_tick(store, &s.ticks[i], &err);
        if (r == 0)
                r = store_finish(store, s.processes[s.n_ticks - 1].time_ns, "detached", &err);
        if (r < 0)
                fprintf(stderr, "%s\n", err.text);
        else
                store_close(store);
        sample_done(&s);
        return r < 0;
}
