#include "live/bytecode.h"

/* Heap pointers are odd: what they point to begins one byte before, at a multiple of 8. */
enum { TAG = 1, TAG_MASK = 7, DISTANCE_MAX = 128 };

static struct bytecode_guess *find_guess(struct bytecode *bytecode, uint64_t pc, uint32_t slot, uint32_t distance)
{
        struct bytecode_guess *guess;

        for (uint32_t i = 0; i < bytecode->n_guesses; i++) {
                guess = &bytecode->guesses[i];
                if (guess->pc == pc && guess->slot == slot && guess->distance == distance)
                        return guess;
        }
        if (bytecode->n_guesses == BYTECODE_GUESSES)
                return NULL;
        guess = &bytecode->guesses[bytecode->n_guesses++];
        *guess = (struct bytecode_guess){ .pc = pc, .slot = slot, .distance = distance };
        return guess;
}

static void count(struct bytecode *bytecode, struct bytecode_guess *guess, uint64_t start)
{
        for (uint32_t i = 0; i < guess->n; i++)
                if (guess->starts[i] == start)
                        return;
        guess->starts[guess->n++] = start;
        if (guess->n == BYTECODE_FUNCTIONS)
                bytecode->known = guess;
}

static void learn(struct bytecode *bytecode, const struct jit *jit, uint64_t pc, const uint64_t words[BYTECODE_SLOTS])
{
        if (!jit_is_interpreter(jit, pc)) /* handlers of single bytecodes keep the pointer in their frames, too */
                return;
        for (uint32_t slot = 0; slot < BYTECODE_SLOTS && !bytecode->known; slot++) {
                uint64_t object = words[slot] - TAG, start;
                struct bytecode_guess *guess;

                if ((words[slot] & TAG_MASK) != TAG || !jit_bytecode_after(jit, object, &start) ||
                    start - object > DISTANCE_MAX)
                        continue;
                guess = find_guess(bytecode, pc, slot, (uint32_t)(start - object));
                if (guess)
                        count(bytecode, guess, start);
        }
}

uint64_t bytecode_of(struct bytecode *bytecode, const struct jit *jit, uint64_t pc, const uint64_t words[BYTECODE_SLOTS])
{
        const struct bytecode_guess *known = bytecode->known;
        uint64_t word, start;

        if (!known && bytecode->tries < BYTECODE_TRIES_MAX) {
                bytecode->tries++;
                learn(bytecode, jit, pc, words);
                known = bytecode->known;
        }
        if (!known || known->pc != pc)
                return 0;
        word = words[known->slot];
        if ((word & TAG_MASK) != TAG || !jit_bytecode_after(jit, word - TAG, &start) ||
            start - (word - TAG) != known->distance)
                return 0;
        return start;
}
