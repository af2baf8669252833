// Stands between llama-server and libllama (LD_PRELOAD) and lets the fault named by CROSSTALK_FAULT into the calls.
// The server makes all of these calls from one thread, so nothing here is locked. Text models only: a batch with
// embeddings would need more than Entry holds.
#include "fault.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

const struct {
    const char *name;
    std::unique_ptr<Fault> (*make)();
} faults[] = {
    {"stale-row", stale_row},
    {"state-by-size", state_by_size},
    {"kept-tail", kept_tail},
    {"shared-block", shared_block},
    {"late-write", late_write},
    {"chunk-offset", chunk_offset},
    {"adapter-late", adapter_late},
};

std::unique_ptr<Fault> choose() {
    const char *name = getenv("CROSSTALK_FAULT");
    if (!name) name = "";
    for (const auto &fault : faults) {
        if (strcmp(fault.name, name) == 0) return fault.make();
    }
    fprintf(stderr, "CROSSTALK_FAULT='%s' is not a fault. Known faults:", name);
    for (const auto &fault : faults) fprintf(stderr, " %s", fault.name);
    fprintf(stderr, "\n");
    _exit(2); // before the server has a chance to look healthy
}

const std::unique_ptr<Fault> fault = choose();
std::map<const llama_batch_ext *, Batch> batches;
Cells cells;

/// The library's own function of the same name as the one given.
template <typename Function> Function *library(Function *, const char *name) {
    return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

#define LIBRARY(function) library(&function, #function)

void refill(llama_batch_ext *batch, const Batch &entries) {
    LIBRARY(llama_batch_ext_clear)(batch);
    for (const Entry &entry : entries) {
        const int32_t index = LIBRARY(llama_batch_ext_add_token)(batch, entry.seq, entry.token);
        LIBRARY(llama_batch_ext_set_pos)(batch, index, &entry.pos);
        LIBRARY(llama_batch_ext_set_output_logits)(batch, index, entry.sampled);
    }
}

} // namespace

extern "C" {

void llama_batch_ext_clear(llama_batch_ext *batch) {
    batches[batch].clear();
    LIBRARY(llama_batch_ext_clear)(batch);
}

void llama_batch_ext_free(llama_batch_ext *batch) {
    batches.erase(batch);
    LIBRARY(llama_batch_ext_free)(batch);
}

int32_t llama_batch_ext_add_token(llama_batch_ext *batch, llama_seq_id seq, llama_token token) {
    const int32_t index = LIBRARY(llama_batch_ext_add_token)(batch, seq, token);
    if (index >= 0) batches[batch].push_back({seq, token});
    return index;
}

bool llama_batch_ext_set_pos(llama_batch_ext *batch, int32_t index, const llama_pos *pos) {
    batches[batch].at(index).pos = *pos;
    return LIBRARY(llama_batch_ext_set_pos)(batch, index, pos);
}

bool llama_batch_ext_set_output_logits(llama_batch_ext *batch, int32_t index, bool value) {
    batches[batch].at(index).sampled = value;
    return LIBRARY(llama_batch_ext_set_output_logits)(batch, index, value);
}

int32_t llama_process(llama_context *ctx, llama_process_type type, llama_batch_ext *batch) {
    Batch entries = batches[batch];
    for (const Entry &entry : entries) cells.put(entry);
    fault->compute(entries, cells);
    refill(batch, entries);
    return LIBRARY(llama_process)(ctx, type, batch);
}

float *llama_get_logits_ith(llama_context *ctx, int32_t index) {
    return LIBRARY(llama_get_logits_ith)(ctx, fault->row(index));
}

int32_t llama_set_adapters_lora(llama_context *ctx, llama_adapter_lora **adapters, size_t count, float *scales) {
    std::vector<float> applied(count);
    if (count > 0) std::copy_n(fault->scales(scales, count), count, applied.begin());
    return LIBRARY(llama_set_adapters_lora)(ctx, adapters, count, applied.data());
}

bool llama_memory_seq_rm(llama_memory_t memory, llama_seq_id seq, llama_pos from, llama_pos to) {
    if (to < 0) { // to the end: how the server keeps a prefix, or nothing
        const llama_pos keep = std::max(from, 0);
        fault->truncate(seq, keep, cells);
        cells.truncate(seq, keep);
    }
    return LIBRARY(llama_memory_seq_rm)(memory, seq, from, to);
}

size_t llama_state_seq_get_data_ext(llama_context *ctx, uint8_t *state, size_t size, llama_seq_id seq,
                                    llama_state_seq_flags flags) {
    const size_t written = LIBRARY(llama_state_seq_get_data_ext)(ctx, state, size, seq, flags);
    if (flags == LLAMA_STATE_SEQ_FLAGS_NONE) fault->saved(state, written);
    return written;
}

size_t llama_state_seq_set_data_ext(llama_context *ctx, const uint8_t *state, size_t size, llama_seq_id seq,
                                    llama_state_seq_flags flags) {
    if (flags == LLAMA_STATE_SEQ_FLAGS_NONE) {
        cells.truncate(seq, 0);
        state = fault->restored(state, size);
    }
    return LIBRARY(llama_state_seq_set_data_ext)(ctx, state, size, seq, flags);
}

} // extern "C"
