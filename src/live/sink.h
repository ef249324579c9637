/* sink: where a recorder puts what it finds. app fills it in with the store's writer. */
#pragma once

#include "model/record.h"

struct sink {
        void *arg;
        /* Called once a tick by the drain thread, which never waits: the sink copies or queues. Returns 0, or a negative
         * errno when nothing more can be kept (the recording then ends in words). */
        int (*tick)(void *arg, const struct rec_tick *tick);
};
