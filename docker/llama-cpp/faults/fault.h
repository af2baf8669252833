// What a planted fault may see and do. Each fault is one file; shim.cpp calls the one that was chosen.
#pragma once

#include <llama.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

/// A token handed to the library: whose it is, where it goes, and whether the server samples from its row.
struct Entry {
    llama_seq_id seq;
    llama_token token;
    llama_pos pos = 0;
    bool sampled = false;
};

using Batch = std::vector<Entry>;

/// The token the server put into each cell of each sequence, whatever a fault made of it.
class Cells {
  public:
    /// LLAMA_TOKEN_NULL where there is no cell, or one whose token nobody saw (a restored state).
    llama_token at(llama_seq_id seq, llama_pos pos) const {
        const auto found = tokens.find(seq);
        if (found == tokens.end() || pos < 0 || pos >= llama_pos(found->second.size())) return LLAMA_TOKEN_NULL;
        return found->second[pos];
    }

    void put(const Entry &entry) {
        auto &cells = tokens[entry.seq];
        if (entry.pos >= llama_pos(cells.size())) cells.resize(entry.pos + 1, LLAMA_TOKEN_NULL);
        cells[entry.pos] = entry.token;
    }

    void truncate(llama_seq_id seq, llama_pos keep) {
        auto &cells = tokens[seq];
        if (keep < llama_pos(cells.size())) cells.resize(keep);
    }

  private:
    std::map<llama_seq_id, std::vector<llama_token>> tokens;
};

/// Cells of a block in the faults that think in blocks, as engines with a paged cache do.
constexpr llama_pos block_size = 16;

/// A bug. Every hook's default is what a server without the bug does.
struct Fault {
    virtual ~Fault() = default;

    /// The batch is about to be computed. Tokens may be changed; `cells` has this batch in it already, as it should be.
    virtual void compute(Batch &batch, const Cells &cells) { (void)batch, (void)cells; }

    /// The cells of `seq` from position `keep` on are about to be dropped; `cells` still has them.
    virtual void truncate(llama_seq_id seq, llama_pos keep, const Cells &cells) { (void)seq, (void)keep, (void)cells; }

    /// The batch index whose logits are given when the server asks for those of `index`.
    virtual int row(int index) { return index; }

    /// How strongly each of the `count` loaded adapters is applied from now on, when the server asks for these scales.
    virtual const float *scales(const float *wanted, size_t count) { (void)count; return wanted; }

    /// The server saved a whole sequence as `size` bytes.
    virtual void saved(const uint8_t *state, size_t size) { (void)state, (void)size; }

    /// The bytes that are restored when the server asks for these.
    virtual const uint8_t *restored(const uint8_t *state, size_t size) { (void)size; return state; }
};

/// The prompts that a batch computes a part of and that go on in a later batch, with that part.
inline std::map<llama_seq_id, Batch> unfinished_prompts(const Batch &batch) {
    std::map<llama_seq_id, Batch> parts;
    for (const Entry &entry : batch) parts[entry.seq].push_back(entry);
    for (auto part = parts.begin(); part != parts.end();) {
        part = part->second.back().sampled ? parts.erase(part) : std::next(part);
    }
    return parts;
}

std::unique_ptr<Fault> stale_row();
std::unique_ptr<Fault> state_by_size();
std::unique_ptr<Fault> kept_tail();
std::unique_ptr<Fault> shared_block();
std::unique_ptr<Fault> late_write();
std::unique_ptr<Fault> chunk_offset();
std::unique_ptr<Fault> adapter_late();
