// Drives the plasticity engine in Verilator: reads synapses from a file, runs each, writes what the
// engine did.
//
//     harness VECTORS RESULTS
//
// Both files are sequences of 32-bit words, the least significant byte first; docs/rtl.md lists
// them. The harness decides nothing and compares nothing: it is the memory around the engine and
// the wires between them. Its only own figure is the number of clocks from start to done, counted
// beside the engine's counter.

#include "Vplasticity_engine.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

constexpr uint32_t VECTORS = 0x31525456; // "VTR1"
constexpr uint32_t RESULTS = 0x31525452; // "RTR1"
constexpr unsigned FIELDS = 8;
constexpr unsigned REGISTERS = 16;

// How a synapse ended; the codes of the results file.
enum Outcome : uint32_t { EVALUATED = 0, SKIPPED = 1, TRAPPED = 2, UNFINISHED = 3 };

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

class Reader {
  public:
    explicit Reader(const char* path) {
        std::FILE* file = std::fopen(path, "rb");
        if (!file) fail("the vectors cannot be opened");
        uint8_t bytes[4];
        while (std::fread(bytes, 1, 4, file) == 4) {
            words_.push_back(uint32_t(bytes[0]) | uint32_t(bytes[1]) << 8
                             | uint32_t(bytes[2]) << 16 | uint32_t(bytes[3]) << 24);
        }
        std::fclose(file);
    }
    uint32_t next() {
        if (at_ == words_.size()) fail("the vectors end too early");
        return words_[at_++];
    }
    std::vector<uint32_t> list(size_t n) {
        std::vector<uint32_t> list;
        for (size_t k = 0; k < n; ++k) list.push_back(next());
        return list;
    }

  private:
    std::vector<uint32_t> words_;
    size_t at_ = 0;
};

class Writer {
  public:
    explicit Writer(const char* path) : file_(std::fopen(path, "wb")) {
        if (!file_) fail("the results cannot be opened");
    }
    void word(uint32_t x) {
        const uint8_t bytes[4] = {uint8_t(x), uint8_t(x >> 8), uint8_t(x >> 16), uint8_t(x >> 24)};
        if (std::fwrite(bytes, 1, 4, file_) != 4) fail("the results cannot be written");
    }
    void close() {
        if (std::fclose(file_) != 0) fail("the results cannot be written");
    }

  private:
    std::FILE* file_;
};

// The memories around the engine for one rule.
struct Rule {
    std::vector<uint32_t> words;
    uint32_t positions = 0; // of an epoch, its beginning included
    uint32_t n_fields = 0;
    uint32_t slots[2] = {0, 0}; // of pre and post columns
    uint32_t n_lines = 0;
    // Of the synapse at hand. Shape of columns: [slot][position].
    std::vector<uint32_t> columns[2];
    std::vector<uint32_t> lines;
};

class Bench {
  public:
    Bench() : engine_(std::make_unique<Vplasticity_engine>()) {
        engine_->reset = 1;
        edge();
        edge();
        engine_->reset = 0;
    }

    void load(Reader& in, Rule& rule) {
        rule.words = in.list(in.next());
        engine_->guard = in.next();
        engine_->stream = in.next();
        const uint32_t length = in.next();
        engine_->epoch_length = length;
        rule.positions = length + 1;
        rule.n_fields = in.next();
        if (rule.n_fields > FIELDS) fail("a synapse has at most 8 fields");
        engine_->n_fields = rule.n_fields;
        engine_->field_bits = 0;
        engine_->field_signed = 0;
        for (uint32_t f = 0; f < FIELDS; ++f) {
            const bool given = f < rule.n_fields;
            const uint32_t bits = given ? in.next() : 32;
            const uint32_t is_signed = given ? in.next() : 0;
            engine_->field_bits |= uint64_t(bits & 63) << (6 * f);
            engine_->field_signed |= (is_signed & 1) << f;
            engine_->field_lo[f] = given ? in.next() : 0;
            engine_->field_hi[f] = given ? in.next() : 0;
        }
        rule.slots[0] = in.next();
        rule.slots[1] = in.next();
        rule.n_lines = in.next();
    }

    void run(Reader& in, Writer& out, Rule& rule, uint32_t limit) {
        engine_->seed = in.next();
        engine_->step = in.next();
        engine_->epoch = in.next();
        engine_->pre = in.next();
        engine_->post = in.next();
        engine_->pre_last = in.next();
        engine_->post_last = in.next();
        for (uint32_t f = 0; f < FIELDS; ++f) engine_->fields[f] = f < rule.n_fields ? in.next() : 0;
        for (int side = 0; side < 2; ++side) {
            rule.columns[side] = in.list(size_t(rule.slots[side]) * rule.positions);
        }
        rule.lines = in.list(rule.n_lines);

        uint32_t before[REGISTERS] = {};
        std::vector<uint32_t> trace;
        uint32_t n_retired = 0, clocks = 0, n_writes = 0, mask = 0, saturated = 0;
        std::vector<uint32_t> stored(rule.n_fields, 0);

        engine_->start = 1;
        edge();
        engine_->start = 0;
        bool done = false;
        while (!done && clocks < limit) {
            settle(rule);
            const bool retired = engine_->retired;
            const uint32_t address = engine_->retired_address;
            if (engine_->write) {
                ++n_writes;
                mask = engine_->write_mask;
                saturated = engine_->write_saturated;
                for (uint32_t f = 0; f < rule.n_fields; ++f) stored[f] = engine_->write_fields[f];
            }
            edge();
            ++clocks;
            if (retired) {
                ++n_retired;
                trace.push_back(address);
                const size_t count = trace.size();
                trace.push_back(0);
                for (uint32_t r = 0; r < REGISTERS; ++r) {
                    const uint32_t now = engine_->registers[r];
                    if (now != before[r]) {
                        trace.push_back(r);
                        trace.push_back(now);
                        ++trace[count];
                        before[r] = now;
                    }
                }
            }
            done = engine_->done;
        }
        const Outcome outcome = !done ? UNFINISHED
            : engine_->trapped        ? TRAPPED
            : engine_->skipped        ? SKIPPED
                                      : EVALUATED;
        out.word(outcome);
        out.word(engine_->cycles);
        out.word(clocks);
        out.word(n_writes);
        out.word(mask);
        out.word(saturated);
        for (const uint32_t x : stored) out.word(x);
        out.word(n_retired);
        for (const uint32_t x : trace) out.word(x);
        if (!done) {
            engine_->reset = 1;
            edge();
            engine_->reset = 0;
        }
    }

  private:
    // A rising edge.
    void edge() {
        engine_->clock = 0;
        engine_->eval();
        engine_->clock = 1;
        engine_->eval();
    }
    // The memories' answers to the addresses that follow from the last edge.
    void settle(const Rule& rule) {
        const uint32_t at = engine_->word_address;
        engine_->word = at < rule.words.size() ? rule.words[at] : 0;
        const auto& columns = rule.columns[engine_->lane_side];
        const size_t slot = size_t(engine_->lane_slot) - 1;
        const size_t cell = slot * rule.positions + engine_->lane_position;
        engine_->lane_value = engine_->lane_slot && cell < columns.size() ? columns[cell] : 0;
        const uint32_t line = engine_->line_slot;
        engine_->line_value = line < rule.lines.size() ? rule.lines[line] : 0;
        engine_->eval();
    }

    std::unique_ptr<Vplasticity_engine> engine_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) fail("usage: harness VECTORS RESULTS");
    Reader in(argv[1]);
    if (in.next() != VECTORS) fail("these are no vectors of this harness");
    const uint32_t limit = in.next();
    const uint32_t n_rules = in.next();
    Writer out(argv[2]);
    out.word(RESULTS);
    Bench bench;
    for (uint32_t k = 0; k < n_rules; ++k) {
        Rule rule;
        bench.load(in, rule);
        const uint32_t n_synapses = in.next();
        for (uint32_t s = 0; s < n_synapses; ++s) bench.run(in, out, rule, limit);
    }
    out.close();
    return 0;
}
