/* bytecode: which function V8's interpreter runs in a frame.
 *
 * All interpreted functions return into the same instruction of InterpreterEntryTrampoline, so its address does not
 * tell them apart. Their frame does: it holds a pointer to the function's bytecode (V8,
 * src/execution/frame-constants.h, InterpreterFrameConstants), and node --perf-basic-prof tells where the trampoline
 * stands and where the bytecode of each function does ("JS:~handler ..."). Which word of the frame it is, and how far
 * behind the pointer the bytecode begins, differs between versions of V8. So that is learned: a combination is believed
 * when it led to the exact start of the bytecode of different functions. What is read is hostile; at worst a frame gets
 * the name of another function of the same process. */
#pragma once

#include "live/jit.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        BYTECODE_SLOTS = 6,       /* words below the frame pointer that are looked at */
        BYTECODE_GUESSES = 32,
        BYTECODE_FUNCTIONS = 2,   /* must be found by a combination */
        BYTECODE_TRIES_MAX = 20000, /* then nothing is learned any more */
};

/* A combination. */
struct bytecode_guess {
        uint64_t pc;
        uint32_t slot, distance;
        uint64_t starts[BYTECODE_FUNCTIONS]; /* of bytecode, different ones */
        uint32_t n;
};

/* Start with { 0 }. */
struct bytecode {
        struct bytecode_guess guesses[BYTECODE_GUESSES];
        uint32_t n_guesses, tries;
        const struct bytecode_guess *known; /* one of them, NULL = not yet */
};

/* Where the bytecode begins that the frame with return address PC runs; WORDS are those below its frame pointer, [0]
 * the nearest. 0 = it is no frame of the interpreter, as far as is known. */
uint64_t bytecode_of(struct bytecode *bytecode, const struct jit *jit, uint64_t pc, const uint64_t words[BYTECODE_SLOTS]);
