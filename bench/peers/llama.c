/*
 * Answers lines (lines.h) with libllama. Arguments: the folder of its shared libraries and a GGUF file; with two more, the name of another
 * GGUF file and f16, q8_0 or q4_0, it writes that file in that type instead, all matrices alike.
 */
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"
#include "lines.h"

#define CONTEXT 2048
#define BATCH 512

static struct llama_model *model;
static struct llama_context *context;
static struct ggml_threadpool *pool;

static void *cpu_function(const char *name) {
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    return ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(cpu), name);
}

/* Threads that stay, as llama.cpp's own programs have them. */
void peer_threads(int threads) {
    struct ggml_threadpool *(*make)(struct ggml_threadpool_params *) = cpu_function("ggml_threadpool_new");
    void (*end)(struct ggml_threadpool *) = cpu_function("ggml_threadpool_free");
    struct ggml_threadpool_params wanted = ggml_threadpool_params_default(threads);
    llama_detach_threadpool(context);
    if (pool) end(pool);
    pool = make(&wanted);
    llama_attach_threadpool(context, pool, pool);
    llama_set_n_threads(context, threads, threads);
}

void peer_reset(void) { llama_memory_clear(llama_get_memory(context), true); }
int peer_vocabulary(void) { return llama_vocab_n_tokens(llama_model_get_vocab(model)); }

const float *peer_read(int *tokens, int count) {
    for (int i = 0; i < count; i += BATCH) {
        int size = count - i < BATCH ? count - i : BATCH;
        if (llama_decode(context, llama_batch_get_one(tokens + i, size)) != 0) fail("llama_decode failed");
    }
    return llama_get_logits_ith(context, -1);
}

static void quiet(enum ggml_log_level level, const char *text, void *data) {
    (void)data;
    if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static int quantize(const char *from, const char *to, const char *name) {
    struct llama_model_quantize_params wanted = llama_model_quantize_default_params();
    wanted.ftype = strcmp(name, "f16") == 0 ? LLAMA_FTYPE_MOSTLY_F16
                 : strcmp(name, "q8_0") == 0 ? LLAMA_FTYPE_MOSTLY_Q8_0 : LLAMA_FTYPE_MOSTLY_Q4_0;
    wanted.pure = true;
    return llama_model_quantize(from, to, &wanted) == 0 ? 0 : 1;
}

int main(int count, char **arguments) {
    if (count != 3 && count != 5) fail("name the libraries' folder and a GGUF file");
    llama_log_set(quiet, NULL);
    ggml_backend_load_all_from_path(arguments[1]);
    llama_backend_init();
    if (count == 5) return quantize(arguments[2], arguments[3], arguments[4]);
    model = llama_model_load_from_file(arguments[2], llama_model_default_params());
    if (!model) fail("libllama cannot read the model");
    struct llama_context_params wanted = llama_context_default_params();
    wanted.n_ctx = CONTEXT;
    wanted.n_batch = wanted.n_ubatch = BATCH;
    context = llama_init_from_model(model, wanted);
    if (!context) fail("libllama cannot make a context");
    peer_threads(1);
    answer_lines();
    llama_free(context);
    llama_model_free(model);
}
