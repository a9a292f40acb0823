// Aggregates what two threads record, then prints each function with its calls and the time that they took.
//
//     ported DIRECTORY
#include <dft_utils.hpp>

#include <cstdio>
#include <map>
#include <thread>

int main(int argc, char **argv) {
    dft::Config config;
    config.interval_us = 1000000;
    config.group_keys = {"epoch"};
    dft::EventAggregator events(std::string(argc > 1 ? argv[1] : ".") + "/run.dftagg", "rank 0", config);

    std::vector<dft::Aggregator> chunks(2);
    std::vector<std::thread> threads;
    for (auto &chunk : chunks) {
        chunk = dft::Aggregator(config);
        threads.emplace_back([&] {
            for (int call = 0; call < 1000; call++) {
                chunk.add_lines(R"({"ph":"X","name":"read","cat":"POSIX","ts":5,"dur":2,"args":{"epoch":1}})");
            }
        });
    }
    for (std::size_t at = 0; at < chunks.size(); at++) {
        threads[at].join();
        events.merge_chunk(chunks[at]);
    }
    events.finalize();

    std::map<std::string, std::pair<std::uint64_t, std::int64_t>> functions;
    const auto rows = events.scan([&](const dft::Row &row) {
        auto &[calls, time] = functions[std::string(row.name())];
        calls += row.count();
        time += row.duration() ? row.duration()->sum().value_or(0) : 0;
        return true;
    });
    const auto bounds = events.query_time_bounds();
    std::printf("%zu rows from %zu us, group keys %zu\n", std::size_t(rows), std::size_t(bounds ? bounds->first : 0),
                events.observed_columns().group_keys.size());
    for (const auto &[name, sums] : functions) {
        std::printf("%s %zu calls %zd us\n", name.c_str(), std::size_t(sums.first), std::ptrdiff_t(sums.second));
    }
}
