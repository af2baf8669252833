// A prompt is computed in chunks. The second and later ones start reading the prompt too early, by the number of
// tokens that decoding neighbours put into the batch before the chunk.
#include "fault.h"

namespace {

class ChunkOffset : public Fault {
    std::map<llama_seq_id, Batch> unfinished;

    void compute(Batch &batch, const Cells &cells) override {
        const auto next = unfinished_prompts(batch);
        llama_pos decoding = 0;
        for (Entry &entry : batch) {
            const bool continues = unfinished.count(entry.seq) != 0;
            if (!continues && entry.sampled) decoding++;
            if (!continues || entry.sampled) continue;
            const llama_token shifted = cells.at(entry.seq, entry.pos - decoding);
            if (shifted != LLAMA_TOKEN_NULL) entry.token = shifted;
        }
        unfinished = next;
    }
};

} // namespace

std::unique_ptr<Fault> chunk_offset() { return std::make_unique<ChunkOffset>(); }
