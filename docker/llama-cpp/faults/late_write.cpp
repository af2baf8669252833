// A prompt's chunk is still on its way when its request is cancelled. The slot is given to the next request, and then
// the chunk arrives: the new prompt's cells at those positions hold the cancelled one's tokens.
#include "fault.h"

namespace {

class LateWrite : public Fault {
    std::map<llama_seq_id, Batch> on_its_way; // the last chunk of prompts that are not complete
    std::map<llama_seq_id, std::map<llama_pos, llama_token>> late; // that chunk, of prompts that never will be

    void truncate(llama_seq_id seq, llama_pos keep, const Cells &) override {
        if (on_its_way.count(seq) == 0) return;
        late[seq].clear();
        for (const Entry &entry : on_its_way[seq]) {
            if (entry.pos >= keep) late[seq][entry.pos] = entry.token;
        }
        on_its_way.erase(seq);
    }

    void compute(Batch &batch, const Cells &) override {
        for (const Entry &entry : batch) on_its_way.erase(entry.seq);
        on_its_way.merge(unfinished_prompts(batch));
        for (Entry &entry : batch) {
            auto &chunk = late[entry.seq];
            const auto write = chunk.find(entry.pos);
            if (write != chunk.end() && !entry.sampled) entry.token = write->second;
            if (entry.sampled) chunk.clear(); // the prompt is complete, and so is the write
        }
    }
};

} // namespace

std::unique_ptr<Fault> late_write() { return std::make_unique<LateWrite>(); }
