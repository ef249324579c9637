#include "model/class.h"

#include <math.h>

static const double SD_NEEDED = 2, SD_ENOUGH = 4, SHARE_NEEDED = 0.02;
enum { KEPT = CLASS_STEPS + 1 };

static struct class_step *step_at(struct class_window *window, uint64_t number)
{
        return &window->steps[number % KEPT];
}

/* The oldest step still kept in the window. */
static uint64_t oldest_step(const struct class_window *window)
{
        uint64_t oldest = window->now_step >= CLASS_STEPS ? window->now_step - CLASS_STEPS : 0;

        return oldest > window->first_step ? oldest : window->first_step;
}

/* Where the window begins. Every site fills up from nothing when it is first seen, so of a site whose whole life is kept
 * the first fifth is left out, at least one step. */
static uint64_t start_step(const struct class_window *window)
{
        uint64_t oldest = oldest_step(window), steps = window->now_step - oldest;

        if (oldest > window->first_step || steps == 0)
                return oldest;
        return oldest + (steps < 5 ? 1 : steps / 5);
}

static void begin_step(struct class_window *window, uint64_t number)
{
        struct class_step *step = step_at(window, number);

        window->old_variance += step->born_variance; /* of the step that leaves the window; 0 in an unused one */
        *step = (struct class_step){ .live = window->live, .live_variance = window->live_variance };
        window->now_step = number;
}

/* Nothing happened to the site since the last call, so each step begun since then began with what lives now. */
static void advance(struct class_window *window, uint64_t now_ns)
{
        uint64_t number = now_ns / CLASS_STEP_NS;

        if (number > window->now_step + KEPT) {
                for (size_t i = 0; i < KEPT; i++) {
                        window->old_variance += window->steps[i].born_variance;
                        window->steps[i].born_variance = 0;
                }
                window->now_step = number - KEPT;
        }
        while (window->now_step < number)
                begin_step(window, window->now_step + 1);
}

static double *variance_of_birth(struct class_window *window, uint64_t born_ns)
{
        uint64_t number = born_ns / CLASS_STEP_NS;

        if (number > window->now_step)
                number = window->now_step;
        return number < oldest_step(window) ? &window->old_variance : &step_at(window, number)->born_variance;
}

void class_init(struct class_window *window, uint64_t now_ns)
{
        *window = (struct class_window){ .first_ns = now_ns };
        window->first_step = window->now_step = now_ns / CLASS_STEP_NS;
}

void class_born(struct class_window *window, uint64_t now_ns, uint64_t born_ns, int64_t bytes, double variance)
{
        advance(window, now_ns);
        *variance_of_birth(window, born_ns) += variance;
        window->live += bytes;
        window->live_variance += variance;
        window->born_samples++;
}

/* Sums of doubles drift; what is left of a difference of equal parts is 0. */
static double less(double sum, double part)
{
        double rest = sum - part;

        return rest > sum * 1e-12 ? rest : 0;
}

void class_died(struct class_window *window, uint64_t now_ns, uint64_t born_ns, int64_t bytes, double variance)
{
        double *cohort;

        advance(window, now_ns);
        cohort = variance_of_birth(window, born_ns);
        *cohort = less(*cohort, variance);
        window->live -= bytes;
        window->live_variance = less(window->live_variance, variance);
}

void class_change(struct class_window *window, uint64_t now_ns, double *ret_change, double *ret_variance)
{
        const struct class_step *start;
        double born = 0, older;
        uint64_t first;

        advance(window, now_ns);
        first = start_step(window);
        start = step_at(window, first);
        older = window->old_variance; /* of what lives and is older than the window */
        for (uint64_t i = oldest_step(window); i < first; i++)
                older += step_at(window, i)->born_variance;
        for (uint64_t i = first; i <= window->now_step; i++)
                born += step_at(window, i)->born_variance;
        *ret_change = (double)(window->live - start->live);
        *ret_variance = born + less(start->live_variance, older);
}

/* Is CHANGE more than noise, and worth a word beside what there is in all? */
static bool is_change(double change, double sd, double all)
{
        return change > SD_NEEDED * sd && (change > SHARE_NEEDED * all || change > SD_ENOUGH * sd);
}

enum rec_class class_now(struct class_window *window, uint64_t now_ns)
{
        double change, variance, sd, began;

        class_change(window, now_ns, &change, &variance);
        if (now_ns < window->first_ns + CLASS_YOUNG_NS || window->born_samples < CLASS_YOUNG_SAMPLES)
                return REC_YOUNG;
        sd = sqrt(variance);
        began = (double)window->live - change;
        if (is_change(change, sd, (double)window->live))
                return REC_GROWING;
        if (is_change(-change, sd, began))
                return REC_SHRINKING;
        return REC_FLAT;
}
