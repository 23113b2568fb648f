/* The bare scatter-add: what delivering the spikes of a run costs, without time, order, thresholds or anything else.
 *
 *     scatter ROWS SPIKES     binary files as run_scatter.py writes them
 *
 * ROWS: int64 neurons, int64 synapses, int64 pointer[neurons + 1], int32 target[synapses], double weight[synapses].
 * SPIKES: int64 count, int32 source[count]. Prints processor seconds, wall seconds, events and a sum as a check.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *filled(FILE *file, size_t size, int64_t count)
{
    void *data = malloc(size * (size_t)(count + 1));
    if (!data || fread(data, size, (size_t)count, file) != (size_t)count) {
        fprintf(stderr, "scatter: a file is too short, or there is no memory\n");
        exit(1);
    }
    return data;
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

int main(int argc, char **argv)
{
    FILE *rows = argc == 3 ? fopen(argv[1], "rb") : NULL, *spikes = rows ? fopen(argv[2], "rb") : NULL;
    if (!spikes) {
        fprintf(stderr, "usage: scatter ROWS SPIKES\n");
        return 2;
    }
    int64_t *size = filled(rows, sizeof *size, 2), *pointer = filled(rows, sizeof *pointer, size[0] + 1);
    int32_t *target = filled(rows, sizeof *target, size[1]);
    double *weight = filled(rows, sizeof *weight, size[1]);
    int64_t count = *(int64_t *)filled(spikes, sizeof count, 1);
    int32_t *source = filled(spikes, sizeof *source, count);
    double *state = calloc((size_t)size[0], sizeof *state), psi = 1.0, sum = 0.0;
    int64_t events = 0;

    double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int64_t k = 0; k < count; k++) {
        int64_t stop = pointer[source[k] + 1];
        for (int64_t s = pointer[source[k]]; s < stop; s++)
            state[target[s]] += weight[s] * psi;
        events += stop - pointer[source[k]];
        psi *= 1.0000001;
    }
    processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    for (int64_t j = 0; j < size[0]; j++)
        sum += state[j];
    printf("%.9f %.9f %lld %.17g\n", processor, wall, (long long)events, sum);
    return 0;
}
