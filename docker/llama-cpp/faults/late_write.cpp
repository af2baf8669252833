// A slot is handed on while its last step's cells are still being written: they arrive after the next request's, and
// replace them. Only a busy server hands a slot on that soon: with no neighbour in the step, the write has time to end.
#include "fault.h"

#include <algorithm>

namespace {

class LateWrite : public Fault {
    Batch last;
    std::map<llama_seq_id, std::map<llama_pos, llama_token>> late;

    void truncate(llama_seq_id seq, llama_pos keep, const Cells &) override {
        const bool busy = std::any_of(last.begin(), last.end(), [=](const Entry &entry) { return entry.seq != seq; });
        late[seq].clear();
        for (const Entry &entry : last) {
            if (busy && entry.seq == seq && entry.pos >= keep) late[seq][entry.pos] = entry.token;
        }
    }

    void compute(Batch &batch, const Cells &) override {
        last = batch;
        for (Entry &entry : batch) {
            auto &writes = late[entry.seq];
            const auto write = writes.find(entry.pos);
            if (write != writes.end() && !entry.sampled) entry.token = write->second;
            if (entry.sampled) writes.clear(); // the prompt is complete, and so are the writes
        }
    }
};

} // namespace

std::unique_ptr<Fault> late_write() { return std::make_unique<LateWrite>(); }
