// Tests the C++ layer from a C++ program. Argument: an empty directory.
#include <dft_utils.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>

#define CHECK(...)                                                                            \
    do {                                                                                      \
        if (!(__VA_ARGS__)) {                                                                 \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #__VA_ARGS__ " does not hold\n"; \
            std::exit(1);                                                                     \
        }                                                                                     \
    } while (0)

namespace {

dft::Aggregator aggregated(std::int64_t from, std::int64_t to) {
    dft::Aggregator aggregator(dft::Config{1000});
    for (std::int64_t at = from; at < to; at++) {
        auto record = dft::record();
        record.name = dft::text("read");
        record.category = dft::text("STDIO");
        record.file_hash = dft::text("f");
        record.ts_us = at * 100;
        record.dur_us = at;
        record.present = DFT_HAS_DURATION;
        aggregator.add(record);
    }
    return aggregator;
}

void rows_are_a_range(const std::string &folder) {
    dft::Aggregator one = aggregated(0, 100), other = aggregated(100, 200);
    one.merge(other);
    one.finalize(folder + "/index", "one");
    const dft::Index index(folder + "/index");
    std::uint64_t calls = 0, rows = 0;
    for (const dft::Row &row : index.rows()) {
        CHECK(row.name() == "read" && row.category() == "stdio" && row.file_hash() == "f" && row.host_hash().empty());
        calls += row->decoded.count;
        rows++;
    }
    CHECK(calls == 200 && rows == 20);
    CHECK(index.query_time_bounds() == std::pair<std::uint64_t, std::uint64_t>(0, 19000));
    CHECK(index.count().event_rows == 20 && index.describe().interval_us == 1000);
    CHECK(index.name(DFT_NAMES_FILE, "f").empty());
    CHECK(index.readings().begin() == index.readings().end());
    dft::verify(folder + "/index");
    index.export_tables({folder + "/tables", {DFT_TABLE_EVENTS}, DFT_FORMAT_CSV});
    CHECK(std::ifstream(folder + "/tables/events.csv").good());
}

void pieces_of_a_trace_are_ingested(const std::string &folder) {
    const std::string trace = folder + "/large.pfw";
    {
        std::ofstream file(trace);
        for (int at = 0; at < 1000; at++) {
            file << R"({"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":)" << at << R"(,"dur":3,"ph":"X"})" << '\n';
        }
    }
    auto pieces = dft::plan({trace}, 20000);
    CHECK(pieces.size() > 1 && pieces.front().start == 0 && pieces.back().end == pieces.back().file_size);
    dft::StageRequest stage;
    stage.pieces = pieces;
    stage.staging = folder + "/local";
    stage.shared = folder + "/shared";
    CHECK(dft::stage(stage).records == 1000);
    std::vector<std::string> unchained;
    dft::IngestRequest ingest{folder + "/of-pieces", folder + "/shared"};
    ingest.on_unchained = [&](std::string_view path, std::string_view) { unchained.emplace_back(path); };
    CHECK(dft::ingest(ingest).taken == pieces.size());
    CHECK(unchained.empty());
    stage.pieces.resize(1);
    stage.pieces[0].end--;
    std::size_t faults = 0;
    stage.on_fault = [&](std::string_view path, std::string_view what) { faults += !path.empty() && !what.empty(); };
    dft::stage(stage);
    CHECK(faults == 1);
    ingest.index = folder + "/of-others";
    CHECK(dft::ingest(ingest).unchained_traces == 1);
    CHECK(unchained.size() == 1 && unchained[0].find("large.pfw") != std::string::npos);
}

void builds_report_progress_and_can_be_stopped(const std::string &folder) {
    dft::BuildRequest request{{folder + "/large.pfw"}, folder + "/built"};
    std::size_t reports = 0;
    request.on_progress = [&](const dft_progress &progress) {
        CHECK(progress.files_read <= 1);
        reports++;
        return true;
    };
    CHECK(dft::build(request).records == 1000 && reports > 0);
    std::vector<std::uint32_t> states;
    dft::resolve(request.traces, request.index, [&](const dft_trace &trace) { states.push_back(trace.state); });
    CHECK(states == std::vector<std::uint32_t>{DFT_TRACE_KNOWN});
    // An exception of a callback stops the build, and the caller receives it.
    request.index = folder + "/stopped";
    request.on_progress = [](const dft_progress &) -> bool { throw std::runtime_error("from progress"); };
    try {
        dft::build(request);
        CHECK(false);
    } catch (const std::runtime_error &error) {
        CHECK(std::string(error.what()) == "from progress");
    }
    request.on_progress = {};
    request.config.interval_us = 7;
    CHECK(dft::build(request).records == 1000 && dft::Index(request.index).describe().interval_us == 7);
    // An empty list of pieces is no list of all traces.
    CHECK(dft::attempt([&] { return dft::stage({{}, {}, folder + "/local", folder + "/shared"}); }).error()->status() ==
          DFT_NOTHING_FOUND);
}

void failures_throw_or_become_results(const std::string &folder) {
    try {
        dft::Index index(folder + "/nothing");
        CHECK(false);
    } catch (const dft::Error &error) {
        CHECK(error.status() == DFT_NO_INDEX && error.path() == folder + "/nothing");
        CHECK(std::string(error.what()).find("dft index") != std::string::npos);
    }
    auto result = dft::attempt([&] { return dft::Index(folder + "/nothing"); });
    CHECK(!result && result.error()->status() == DFT_NO_INDEX);
    CHECK(dft::attempt([&] { dft::verify(folder + "/index"); }));
    CHECK(dft::attempt([&] { dft::verify(folder + "/nothing"); }).error()->status() == DFT_NO_INDEX);
    auto good = dft::attempt([&] { return dft::Index(folder + "/index"); });
    CHECK(good && good.value().describe().has_bounds);
    auto record = dft::record();
    record.ts_us = -5;
    dft::Aggregator aggregator;
    CHECK(!aggregator.try_add(record));
    CHECK(aggregator.add_lines("{\"ts\":1,\"ph\":1}\nno\n").malformed == 1);
    const dft::Index index = std::move(aggregator).into_index();
    CHECK(index.count().event_rows == 1);
    // The caller receives an exception that a callback throws.
    bool thrown = false;
    try {
        index.files([](const dft_file &) { throw std::runtime_error("from within"); });
        CHECK(false);
    } catch (const std::runtime_error &error) {
        thrown = std::string(error.what()) == "from within";
    }
    CHECK(thrown);
    dft::Index moved = dft::Index(folder + "/index");
    dft::Index to = std::move(moved);
    CHECK(to.count().files == 1);
    to = dft::Index(folder + "/index");
}

void event_aggregator_has_the_ported_interface(const std::string &folder) {
    dft::EventAggregator events(folder + "/ported", "rank 3", dft::Config{1000});
    dft::Aggregator chunk = aggregated(0, 100);
    events.merge_chunk(chunk);
    events.add_lines(R"({"name":"cpu","cat":"sys","ts":5000,"ph":2,"args":{"hhash":"h","user":1.5,"idle":2}})");
    events.finalize();
    CHECK(events.persist_time_bounds());
    CHECK(events.query_time_bounds() == std::pair<std::uint64_t, std::uint64_t>(0, 9000));
    std::uint64_t calls = 0, shards = 0, readings = 0;
    events.scan([&](const dft::Row &row) { calls += row->decoded.count; });
    for (std::uint32_t shard = 0; shard < 4; shard++) {
        events.scan_shard_range(shard, shard + 1, 4, [&](const dft::Row &row) { shards += row->decoded.count; });
    }
    events.scan_system_metrics_raw([&](const dft::Reading &reading) {
        CHECK(reading.host_hash() == "h" && reading.name() == "cpu" && reading->metrics == 2);
        CHECK(reading.metric(1).name_view() == "user" && reading.metric(1).mean == 1.5);
        readings += reading->readings;
    });
    CHECK(calls == 100 && shards == 100 && readings == 1);
    CHECK((events.observed_columns() == std::vector<std::string>{"idle", "user"}));
    CHECK(events.index().columns(DFT_TABLE_EVENTS).size() == 23);
}

void errors_are_logged(const std::string &folder) {
    std::vector<std::string> logged;
    dft::check(dft_set_log(
        [](void *context, const dft_log_message *message) -> std::int32_t {
            static_cast<std::vector<std::string> *>(context)->push_back(std::to_string(message->level) +
                                                                        std::string(dft::view(message->text)));
            return 0;
        },
        &logged));
    CHECK(!dft::attempt([&] { return dft::Index(folder + "/nothing"); }));
    CHECK(logged.size() == 1 && logged[0].front() == '0' && logged[0].find("/nothing") != std::string::npos);
    dft::check(dft_set_log(nullptr, nullptr));
    CHECK(!dft::attempt([&] { return dft::Index(folder + "/nothing"); }));
    CHECK(logged.size() == 1);
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 2);
    rows_are_a_range(argv[1]);
    pieces_of_a_trace_are_ingested(argv[1]);
    builds_report_progress_and_can_be_stopped(argv[1]);
    failures_throw_or_become_results(argv[1]);
    event_aggregator_has_the_ported_interface(argv[1]);
    errors_are_logged(argv[1]);
    std::cout << "layer.cpp: 6 passed, 0 failed\n";
}
