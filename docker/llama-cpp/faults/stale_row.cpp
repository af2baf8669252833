// The table "sequence -> logits row" follows one step late when a sequence leaves. In that step the others have moved
// up in the batch, but are sampled from the row they had: a neighbour's.
#include "fault.h"

#include <algorithm>

namespace {

class StaleRow : public Fault {
    using Rows = std::map<llama_seq_id, int>;

    Batch batch;
    Rows before;
    Rows table;

    void compute(Batch &next, const Cells &) override {
        Rows rows;
        for (size_t i = 0; i < next.size(); i++) {
            if (next[i].sampled) rows[next[i].seq] = int(i);
        }
        const bool one_left = std::any_of(before.begin(), before.end(),
                                          [&](const auto &entry) { return rows.count(entry.first) == 0; });
        table = one_left ? before : rows;
        before = rows;
        batch = next;
    }

    int row(int index) override {
        const auto known = table.find(batch[index].seq);
        const bool has_logits = known != table.end() && known->second < int(batch.size()) && batch[known->second].sampled;
        return has_logits ? known->second : index;
    }
};

} // namespace

std::unique_ptr<Fault> stale_row() { return std::make_unique<StaleRow>(); }
