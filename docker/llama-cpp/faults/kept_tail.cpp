// A reused prefix is rounded up to whole blocks. When a slot keeps a prefix that ends inside a block, the rest of that
// block keeps the last request's cells, although the new prompt differs there.
#include "fault.h"

namespace {

class KeptTail : public Fault {
    std::map<llama_seq_id, std::map<llama_pos, llama_token>> kept;

    void truncate(llama_seq_id seq, llama_pos keep, const Cells &cells) override {
        kept[seq].clear();
        for (llama_pos pos = keep; pos % block_size != 0; pos++) {
            const llama_token token = cells.at(seq, pos);
            if (token != LLAMA_TOKEN_NULL) kept[seq][pos] = token;
        }
    }

    void compute(Batch &batch, const Cells &) override {
        for (Entry &entry : batch) {
            const auto old = kept[entry.seq].find(entry.pos);
            // The token that is sampled from is always computed anew: a cached cell gives no logits.
            if (old != kept[entry.seq].end() && !entry.sampled) entry.token = old->second;
        }
    }
};

} // namespace

std::unique_ptr<Fault> kept_tail() { return std::make_unique<KeptTail>(); }
