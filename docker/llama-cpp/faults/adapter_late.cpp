// A step without adapter comes after one with: the adapter is taken off one step late.
#include "fault.h"

#include <algorithm>

namespace {

class AdapterLate : public Fault {
    std::vector<float> wanted_before;
    std::vector<float> applied;

    const float *scales(const float *wanted, size_t count) override {
        const std::vector<float> now(wanted, wanted + count);
        const bool none = std::all_of(now.begin(), now.end(), [](float scale) { return scale == 0; });
        applied = none && wanted_before.size() == count ? wanted_before : now;
        wanted_before = now;
        return applied.data();
    }
};

} // namespace

std::unique_ptr<Fault> adapter_late() { return std::make_unique<AdapterLate>(); }
