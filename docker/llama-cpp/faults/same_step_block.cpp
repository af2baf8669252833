// Blocks that two prompts of one step have in common are computed once. They count as common when they start with the
// same token: a shared prefix that ends inside a block gives the second prompt the first one's block, to its end.
#include "fault.h"

namespace {

class SameStepBlock : public Fault {
    void compute(Batch &batch, const Cells &cells) override {
        std::map<std::pair<llama_pos, llama_token>, llama_token> computed; // by position and the block's first token
        for (Entry &entry : batch) {
            if (entry.sampled) continue; // a prompt's last token is always computed for itself
            const llama_token first = cells.at(entry.seq, entry.pos - entry.pos % block_size);
            if (first == LLAMA_TOKEN_NULL) continue;
            entry.token = computed.try_emplace({entry.pos, first}, entry.token).first->second;
        }
    }
};

} // namespace

std::unique_ptr<Fault> same_step_block() { return std::make_unique<SameStepBlock>(); }
