/* interpreter: the frames of an interpreter's own stack, copied when a sample is taken: a moment later they are another
 * call's.
 *
 * heaptop has found out where they stand (struct wire_interpreter); here nothing is known of the interpreter but that.
 *
 * What keeps us from reading what is not there:
 *   - The state is found through the thread's own control block, and must name this thread. So it and its frames are
 *     this thread's: only it changes or unmaps them, and it is here. That holds whether or not it has the interpreter's
 *     lock.
 *   - One exception, an interpreter that is ending, says so in a word before it takes the states of other threads
 *     away. It is looked at before each word that is read: some nanoseconds, in which the other thread would have to
 *     get from that word to the unmapping.
 *   - The other: a host program that embeds Python may hand a state on to another thread. The one that it was made in
 *     may still find it, and what its pages were asked for holds only until the other one returns over the end of a
 *     block of frames: it would have to do so within the time that a sample takes.
 *   - Should heaptop have been wrong about any offset: each page is asked for (page_is_readable(), stack.c) before it
 *     is read, a chain that runs in a circle ends at the limit, and nothing is ever written.
 *
 * A signal handler that allocates may find the chain half made. Its words are still addresses of this thread's frames,
 * or 0: the interpreter links a frame when it is complete, and unlinks it before it gives its memory back.
 *
 * The chain is walked twice, to know the record's length and to fill it: most pages are asked for once, for the
 * last ones are remembered. Records hold what was read as it is; whether it makes sense is judged outside. */
#include "probe/probe.h"

enum { PAGE = 4096, WORD = 8, PAGES = sizeof((struct interpreter_look *)0)->pages / WORD, OFFSET_MAX = 4096 };

#define ADDRESS_END (1ull << 47) /* of user space */
#define AT_MASK     ((1ull << 48) - 1)

static bool may_read_page(struct interpreter_look *look, uint64_t page)
{
        uint64_t *known = &look->pages[page / PAGE % PAGES];

        if (*known == page)
                return true;
        if (!page_is_readable(page))
                return false;
        *known = page;
        return true;
}

/* The word at BASE + OFFSET, which need not be aligned. */
static __attribute__((noinline)) bool field(struct interpreter_look *look, uint64_t base, uint32_t offset,
                                            uint64_t *ret)
{
        uint64_t addr = base + offset, first = addr & ~(PAGE - 1ull), last = (addr + WORD - 1) & ~(PAGE - 1ull);

        if (offset >= OFFSET_MAX || base < PAGE || base >= ADDRESS_END)
                return false;
        if (!may_read_page(look, first) || (last != first && !may_read_page(look, last)))
                return false;
        if (*look->ending)
                return false;
        __asm__ volatile("movq (%1), %0" : "=r"(*ret) : "r"(addr) : "memory");
        return true;
}

/* The innermost frame of the calling thread, if it has a state. */
static bool find_innermost(struct interpreter_look *look)
{
        const struct wire_interpreter *how = look->how;
        uint64_t state, thread;

        if (!field(look, thread_pointer(), how->state, &state) || !state)
                return false;
        if (!field(look, state, how->thread, &thread) || thread != thread_pointer())
                return false;
        if (how->anchor == WIRE_NO_ANCHOR)
                return field(look, state, how->innermost, &look->innermost);
        return field(look, state, how->anchor, &look->anchor) &&
               field(look, look->anchor, how->innermost, &look->innermost);
}

/* Reads the frame at ADDR: RET by enum wire_in_frame. */
static bool read_frame(struct interpreter_look *look, uint64_t addr, uint64_t ret[4])
{
        for (int i = 0; i < 4; i++)
                if (!field(look, addr, look->how->in_frame[i], &ret[i]))
                        return false;
        return true;
}

/* Into TO, which has room for MAX, or nowhere when it is NULL. How many; look->more: not all. */
static uint32_t walk(struct interpreter_look *look, struct wire_interpreted *to, uint32_t max)
{
        uint64_t addr = look->innermost, frame[4];
        uint32_t n = 0;

        for (; addr && n < max && read_frame(look, addr, frame); n++) {
                if (to)
                        to[n] = (struct wire_interpreted){ addr, frame[WIRE_CODE],
                                                           (frame[WIRE_AT] & AT_MASK) | frame[WIRE_MARK] << 56 };
                addr = frame[WIRE_PREVIOUS];
        }
        look->more = addr != 0;
        return n;
}

void interpreter_look(const struct wire_shared *shared, struct interpreter_look *ret)
{
        const struct wire_interpreter *how = &shared->interpreter;
        uint32_t limit;

        ret->n = 0;
        ret->more = false;
        ret->anchor = 0;
        if (likely(!__atomic_load_n(&how->on, __ATOMIC_ACQUIRE)))
                return;
        ret->how = how;
        ret->ending = (const volatile uint64_t *)(how->ending & ~(WORD - 1ull));
        for (int i = 0; i < PAGES; i++)
                ret->pages[i] = 0;
        limit = how->limit < WIRE_INTERPRETED_MAX ? how->limit : WIRE_INTERPRETED_MAX;
        if (page_is_readable((uint64_t)ret->ending) && find_innermost(ret))
                ret->n = walk(ret, NULL, limit);
}

void interpreter_copy(struct interpreter_look *look, struct wire_alloc *alloc)
{
        struct wire_interpreted *to = (struct wire_interpreted *)((char *)(alloc + 1) + alloc->stack_bytes);

        alloc->n_interpreted = look->n ? walk(look, to, look->n) : 0;
        alloc->more_interpreted = look->more;
        alloc->anchor = look->anchor;
}
