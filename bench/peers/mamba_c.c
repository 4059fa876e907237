/*
 * Answers lines (lines.h) with kroggen/mamba.c: `gcc -Ofast -fopenmp -march=native -I CHECKOUT mamba_c.c -lm`, as its makefile builds it
 * at its fastest. Argument: the weights in its own format, version 1. It reads token by token only.
 */
#define main mamba_main
#include "mamba.c"
#undef main
#include <omp.h>
#include "lines.h"

static Mamba model;

void peer_threads(int threads) { omp_set_num_threads(threads); }
void peer_reset(void) { reset_internal_state(&model); }
int peer_vocabulary(void) { return model.config.vocab_size; }

const float *peer_read(int *tokens, int count) {
    const float *logits = NULL;
    for (int i = 0; i < count; i++) logits = forward(&model, tokens[i]);
    return logits;
}

int main(int count, char **arguments) {
    if (count != 2) fail("name the weights");
    load_model(&model, arguments[1]);
    answer_lines();
    free_model(&model);
}
