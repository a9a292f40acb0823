// Measures the time that a tracer needs to add a record: nanoseconds of the processor per record, the median of several
// rounds. Through an aggregator of one thread, and through a sink from one thread and from eight.
//
//     add [RECORDS]
#include <dft_utils.hpp>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

double cpu_nanoseconds(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// Passes records to a function, and returns the processor time of this thread for each, in ns.
double nanoseconds_per_record(std::int64_t records, bool with_args,
                              const std::function<void(const dft_record &)> &add) {
    const char *names[] = {"read", "write", "pread64", "open64", "close", "lseek"};
    std::vector<std::string> files;
    for (int file = 0; file < 20; file++) {
        files.push_back("9b4f0e8c2d1a7" + std::to_string(100 + file));
    }
    const dft_arg arg = {dft::text("level"), {}, 3, 0.0, DFT_ARG_INTEGER, 0};
    const double start = cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
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
        add(record);
    }
    return (cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start) / static_cast<double>(records);
}

double of_aggregator(std::int64_t records, bool with_args) {
    dft::Aggregator aggregator;
    return nanoseconds_per_record(records, with_args, [&](const dft_record &record) { aggregator.add(record); });
}

// The mean of the threads, which all add to one sink.
double of_sink(std::int64_t records, std::size_t number) {
    dft::Sink sink({"/nowhere", "bench"});
    std::vector<double> costs(number);
    std::vector<std::thread> threads;
    for (double &cost : costs) {
        threads.emplace_back([&] {
            cost = nanoseconds_per_record(records, false, [&](const dft_record &record) { sink.add(record); });
        });
    }
    double sum = 0;
    for (std::size_t at = 0; at < number; at++) {
        threads[at].join();
        sum += costs[at];
    }
    return sum / static_cast<double>(number);
}

void measure(const char *what, const std::function<double()> &round) {
    std::vector<double> rounds;
    for (int at = 0; at < 7; at++) {
        rounds.push_back(round());
    }
    std::sort(rounds.begin(), rounds.end());
    std::cout << what << ": " << rounds[3] << " ns per record (" << rounds[0] << " to " << rounds[6] << ")\n";
}

} // namespace

int main(int argc, char **argv) {
    const std::int64_t records = argc > 1 ? std::atoll(argv[1]) : 1000000;
    measure("aggregator", [&] { return of_aggregator(records, false); });
    measure("aggregator, with an additional arg", [&] { return of_aggregator(records, true); });
    measure("sink, 1 thread", [&] { return of_sink(records, 1); });
    measure("sink, 8 threads", [&] { return of_sink(records, 8); });
}
