// Measures the time that a tracer needs to add a record: nanoseconds per call, the median of several rounds.
//
//     add [RECORDS]
#include <dft_utils.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

double nanoseconds_per_record(std::int64_t records, bool with_args) {
    const char *names[] = {"read", "write", "pread64", "open64", "close", "lseek"};
    std::vector<std::string> files;
    for (int file = 0; file < 20; file++) {
        files.push_back("9b4f0e8c2d1a7" + std::to_string(100 + file));
    }
    const dft_arg arg = {dft::text("level"), {}, 3, 0.0, DFT_ARG_INTEGER, 0};
    dft::Aggregator aggregator;
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t at = 0; at < records; at++) {
        auto record = dft::record();
        record.name = dft::text(names[at % 6]);
        record.category = dft::text("POSIX");
        record.host_hash = dft::text("6882804a826580cd");
        record.file_hash = dft::text(files[static_cast<std::size_t>(at / 16 % 20)]);
        record.pid = 4711;
        record.tid = 4711;
        record.ts_us = 1700000000000000 + at * 10;
        record.dur_us = at % 100;
        record.ret = 4096;
        record.offset = at * 4096;
        record.present = DFT_HAS_DURATION | DFT_HAS_RET | DFT_HAS_OFFSET;
        if (with_args) {
            record.args = &arg;
            record.args_length = 1;
        }
        aggregator.add(record);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    return took.count() / static_cast<double>(records);
}

} // namespace

int main(int argc, char **argv) {
    const std::int64_t records = argc > 1 ? std::atoll(argv[1]) : 1000000;
    for (const bool with_args : {false, true}) {
        std::vector<double> rounds;
        for (int round = 0; round < 7; round++) {
            rounds.push_back(nanoseconds_per_record(records, with_args));
        }
        std::sort(rounds.begin(), rounds.end());
        std::cout << (with_args ? "with an additional arg" : "plain") << ": " << rounds[3] << " ns per record ("
                  << rounds[0] << " to " << rounds[6] << ")\n";
    }
}
