// The table "sequence -> logits row" is not rebuilt in a step that has fewer sequences than the one before. Those that
// are left have moved up, but are sampled from the row they had: a neighbour's.
#include "fault.h"

namespace {

class StaleRow : public Fault {
    using Rows = std::map<llama_seq_id, int>;

    Batch batch;
    size_t sequences = 0;
    Rows table;

    void compute(Batch &next, const Cells &) override {
        Rows fresh;
        for (size_t i = 0; i < next.size(); i++) fresh[next[i].seq] = int(i);
        batch = next;
        if (fresh.size() >= sequences) table = fresh;
        sequences = fresh.size();
    }

    int row(int index) override {
        const auto known = table.find(batch[index].seq);
        const bool has_logits = known != table.end() && known->second < int(batch.size()) && batch[known->second].sampled;
        return has_logits ? known->second : index;
    }
};

} // namespace

std::unique_ptr<Fault> stale_row() { return std::make_unique<StaleRow>(); }
