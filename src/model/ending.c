#include "model/ending.h"

#include "base/clock.h"
#include "base/fmt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static bool is_machine(const char *source)
{
        const char *slash = strrchr(source, '/');

        return strcmp(slash ? slash + 1 : source, "vmstat") == 0;
}

enum ending_oom ending_oom(const struct rec_ending *ending)
{
        bool killed = ending->how == REC_HOW_KILLED && ending->code == SIGKILL;

        if (!ending->time_ns || ending->oom_after <= ending->oom_before || (!killed && ending->how != REC_HOW_UNKNOWN))
                return ENDING_NOT_OOM;
        return killed && !is_machine(ending->oom_source) ? ENDING_LIKELY_OOM : ENDING_MAYBE_OOM;
}

static void killed(const struct rec_session *session, char *ret)
{
        static const char *const by[] = {
                [ENDING_NOT_OOM] = "",
                [ENDING_MAYBE_OOM] = ", perhaps the OOM killer",
                [ENDING_LIKELY_OOM] = ", likely the OOM killer",
        };
        const struct rec_ending *ending = &session->ending;
        const char *name = sigabbrev_np(ending->code), *whom = by[ending_oom(ending)];

        if (ending->code == SIGKILL && ending_oom(ending) == ENDING_NOT_OOM && ending->oom_source[0])
                whom = "; no OOM kill was counted";
        snprintf(ret, ENDING_WORDS, "Process %d ended: killed by SIG%s%s.", (int)session->pid, name ? name : "?", whom);
}

void ending_sentence(const struct rec_session *session, char ret[ENDING_WORDS])
{
        const struct rec_ending *ending = &session->ending;

        if (!ending->time_ns) {
                snprintf(ret, ENDING_WORDS, "The recording of process %d ended: %.180s.", (int)session->pid,
                         session->end_reason && session->end_reason[0] ? session->end_reason : "the recorder died");
                return;
        }
        switch ((enum rec_how)ending->how) {
        case REC_HOW_EXITED:
                snprintf(ret, ENDING_WORDS, "Process %d ended: it exited with status %d.", (int)session->pid,
                         ending->code);
                return;
        case REC_HOW_KILLED:
                killed(session, ret);
                return;
        case REC_HOW_EXEC:
                snprintf(ret, ENDING_WORDS, "Process %d has called exec: it is another program now.",
                         (int)session->pid);
                return;
        case REC_HOW_UNKNOWN:
        case REC_HOWS:
                break;
        }
        snprintf(ret, ENDING_WORDS, "Process %d ended; this kernel does not tell how%s.", (int)session->pid,
                 ending_oom(ending) == ENDING_MAYBE_OOM ? ", perhaps by the OOM killer" : "");
}

void ending_evidence(const struct rec_session *session, char ret[ENDING_WORDS])
{
        const struct rec_ending *ending = &session->ending;
        const char *slash = strrchr(ending->oom_source, '/');
        int len;

        ret[0] = '\0';
        if (ending_oom(ending) == ENDING_NOT_OOM || !slash)
                return;
        len = slash - ending->oom_source < 150 ? (int)(slash - ending->oom_source) : 150;
        snprintf(ret, ENDING_WORDS, "%.40s oom_kill rose %llu -> %llu in %.*s", slash + 1,
                 (unsigned long long)ending->oom_before, (unsigned long long)ending->oom_after, len,
                 ending->oom_source);
}

void ending_last_sample(const struct rec_session *session, char ret[ENDING_WORDS])
{
        const struct rec_ending *ending = &session->ending;
        char heap[FMT_MAX], rss[FMT_MAX], limit[FMT_MAX] = "";
        double before;

        ret[0] = '\0';
        if (!ending->time_ns || !ending->sample_ns || ending->sample_ns > ending->time_ns)
                return;
        before = (double)(ending->time_ns - ending->sample_ns) / (double)NS_PER_S;
        if (session->limit_bytes && strcmp(session->limit_source, "RAM") != 0)
                fmt_bytes(limit, session->limit_bytes);
        snprintf(ret, ENDING_WORDS, "last sample: heap %s, RSS %s%s%s, %.1f s before the end",
                 fmt_bytes(heap, ending->heap_bytes), fmt_bytes(rss, ending->rss_bytes), limit[0] ? " of " : "", limit,
                 before);
}
