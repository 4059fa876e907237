/*
 * How bench/cpu.ts talks to a peer: lines on stdin, one line of answer to each. A peer waits for them asleep, so that one measures at a time.
 *   threads N          from now on
 *   reset              forgets what was read
 *   decode N           reads N tokens one by one with logits after each; answers milliseconds
 *   prefill N          reads N tokens at once with logits after the last; answers milliseconds
 *   logits FILE ID...  forgets, reads these tokens one by one and writes the last logits to FILE, float32
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void peer_threads(int threads);
void peer_reset(void);
/* Reads tokens; the logits after the last one. */
const float *peer_read(int *tokens, int count);
int peer_vocabulary(void);

static void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int nth_token(int i) { return (int)(i * 7919LL % peer_vocabulary()); }

static double time_reading(int count, int at_once) {
    int *tokens = malloc(count * sizeof(int));
    for (int i = 0; i < count; i++) tokens[i] = nth_token(i);
    double start = now_ms();
    for (int i = 0; i < count; i += at_once) peer_read(tokens + i, at_once);
    double spent = now_ms() - start;
    free(tokens);
    return spent;
}

static void write_logits(char *words) {
    char *path = strtok(words, " \n");
    const float *logits = NULL;
    peer_reset();
    for (char *word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n")) {
        int token = atoi(word);
        logits = peer_read(&token, 1);
    }
    FILE *file = fopen(path, "wb");
    if (!file || !logits || fwrite(logits, sizeof(float), peer_vocabulary(), file) != (size_t)peer_vocabulary()) fail("cannot write the logits");
    fclose(file);
}

static void answer_lines(void) {
    static char line[1 << 16];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double ms = 0;
        int count = 0;
        if (sscanf(line, "threads %d", &count) == 1) peer_threads(count);
        else if (sscanf(line, "decode %d", &count) == 1) ms = time_reading(count, 1);
        else if (sscanf(line, "prefill %d", &count) == 1) ms = time_reading(count, count);
        else if (strncmp(line, "logits ", 7) == 0) write_logits(line + 7);
        else if (strncmp(line, "reset", 5) == 0) peer_reset();
        else fail("unknown line");
        printf("%.4f\n", ms);
        fflush(stdout);
    }
}
