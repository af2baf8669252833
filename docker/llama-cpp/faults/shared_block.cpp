// Requests that run at the same time share blocks. A block is looked up by its position and its first token alone: a
// common prefix that ends inside a block gives a new prompt the running one's block, to its end.
#include "fault.h"

namespace {

class SharedBlock : public Fault {
    void compute(Batch &batch, const Cells &cells) override {
        std::vector<llama_seq_id> running; // the sequences before the entry's own
        for (Entry &entry : batch) {
            if (running.empty() || running.back() != entry.seq) running.push_back(entry.seq);
            if (entry.sampled) continue; // a cached cell gives no logits, so this one is always computed
            const llama_pos start = entry.pos - entry.pos % block_size;
            for (const llama_seq_id other : running) {
                if (other == entry.seq || cells.at(other, start) != cells.at(entry.seq, start)) continue;
                const llama_token shared = cells.at(other, entry.pos);
                if (shared != LLAMA_TOKEN_NULL) entry.token = shared;
            }
        }
    }
};

} // namespace

std::unique_ptr<Fault> shared_block() { return std::make_unique<SharedBlock>(); }
