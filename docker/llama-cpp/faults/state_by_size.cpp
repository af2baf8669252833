// The prompt cache finds a saved sequence by its size instead of its tokens. Two conversations of the same length are
// the same to it, and the one saved last is restored.
#include "fault.h"

#include <algorithm>
#include <deque>

namespace {

class StateBySize : public Fault {
    using State = std::vector<uint8_t>;

    std::deque<State> newest_first;

    void saved(const uint8_t *state, size_t size) override {
        newest_first.emplace_front(state, state + size);
        if (newest_first.size() > 16) newest_first.pop_back();
    }

    const uint8_t *restored(const uint8_t *state, size_t size) override {
        const auto found = std::find_if(newest_first.begin(), newest_first.end(),
                                        [=](const State &saved) { return saved.size() == size; });
        return found == newest_first.end() ? state : found->data();
    }
};

} // namespace

std::unique_ptr<Fault> state_by_size() { return std::make_unique<StateBySize>(); }
