// Tests the C++ layer from a C++ program. Argument: an empty directory.
#include "check.hpp"

#include <dft_utils.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <thread>

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
        calls += row.count();
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

void rows_give_all_they_have(const std::string &) {
    dft::Config config;
    config.group_keys = {"epoch", "step"};
    config.sketch_accuracy = 0.01;
    dft::Aggregator aggregator(config);
    for (int at = 0; at < 100; at++) {
        aggregator.add_lines(R"({"name":"read","cat":"app","ts":)" + std::to_string(at) + R"(,"dur":)" +
                             std::to_string(at + 1) + R"(,"ph":1,"args":{"epoch":3,"loss":)" +
                             std::to_string(at % 2 == 0 ? 1 : 2) + R"(,"rate":0.5}})");
    }
    aggregator.add_lines(
        R"({"name":"cpu","cat":"app","pid":4,"ts":7,"ph":2,"args":{"hhash":"h","epoch":2,"user":1.5}})");
    const dft::Index index = std::move(aggregator).into_index();
    std::uint64_t rows = 0;
    for (const dft::Row &row : index.rows()) {
        rows++;
        CHECK(row.group_value("epoch") == "3" && !row.group_value("step") && !row.group_value("rank"));
        CHECK(row.count() == 100 && row.duration() && row.duration()->mean() == 50.5 && row.duration()->sum() == 5050);
        CHECK(!row.bytes() && !row.offset());
        const auto loss = row.stats("loss");
        CHECK(loss && loss->integers().sum() == 150 && loss->reals().samples() == 0 && !loss->reals().mean());
        CHECK(row.stats("rate")->reals().total() == 50.0 && !row.stats("rate")->integers().min());
        CHECK(!row.stats("nothing") && !row.stats(DFT_METRIC_SIZE));
        const auto duration = row.stats(DFT_METRIC_DURATION);
        const auto median = duration->quantile(0.5);
        CHECK(median && *median > 49 && *median < 51 && duration->quantile(1) == 100.0);
        const std::vector<dft::Bin> bins = duration->histogram();
        CHECK(bins.size() == 7 && bins[0].power == 1 && bins[0].values == 1 && bins[6].power == 64);
        // 64 to 100, and 63, which is in the bucket of 64.
        CHECK(bins[6].values == 38);
        std::vector<std::string> names;
        for (const dft::Metric &metric : row.value().metrics()) {
            names.push_back(metric.name());
        }
        CHECK(names == std::vector<std::string>{"dur", "loss", "rate"});
        // The value of a row has the same bytes again. One that is put together from its parts has the same statistics;
        // when its calls were in progress is not known.
        const dft::Value value = row.value();
        CHECK(value.serialize(row->bucket_us) == dft::view(row->value));
        dft::Value again(DFT_VALUE_ROW, 0.01);
        const auto info = value.describe();
        again.span(info.count, info.ts_us, info.te_us).set(DFT_METRIC_DURATION, *duration);
        again.set("rate", *row.stats("rate")).set("loss", *loss);
        CHECK(again.describe().count == info.count && again.describe().te_us == info.te_us);
        CHECK(again.stats(DFT_METRIC_DURATION)->serialize() == duration->serialize());
        CHECK(dft::Value(value).merge(again).describe().count == 200 && value.describe().count == 100);
    }
    CHECK(rows == 1);
    std::uint64_t readings = 0;
    for (const dft::Reading &reading : index.readings()) {
        readings++;
        CHECK(reading.pid() == 4 && reading.group_value("epoch") == "2" && !reading.group_value("step"));
        const dft::Value value = reading.value();
        CHECK(value.stats("user")->reals().mean() == 1.5 && !value.stats("idle"));
        dft::Value again(DFT_VALUE_TELEMETRY);
        // Every numeric arg of a counter is a metric.
        again.span(1, 7, 7).set("user", dft::Stats().add(1.5)).set("epoch", dft::Stats().add(2.0));
        CHECK(again.serialize(reading->bucket_us) == dft::view(reading->value));
        CHECK(dft::attempt([&] { again.set("user", dft::Stats().add(1)); }).error()->status() == DFT_INVALID_ARGUMENT);
    }
    CHECK(readings == 1);
    const dft::ObservedColumns observed = index.observed_columns();
    CHECK(observed.group_keys == std::vector<std::string>{"epoch"});
    CHECK((observed.custom_metrics == std::vector<std::string>{"loss", "rate"}));
    CHECK((index.observed_telemetry_metrics() == std::vector<std::string>{"epoch", "user"}));
}

void accumulators_are_values(const std::string &) {
    dft::Stats stats(0.01);
    CHECK(!stats.describe().mean() && !stats.quantile(0.5) && stats.histogram().empty() && !stats.integers().min());
    stats.add(1000000001).add(1000000002).add(1000000003);
    CHECK(stats.integers().mean() == 1000000002.0 && stats.integers().std() == 1.0);
    CHECK(stats.integers().sum() == 3000000006 && stats.integers().max() == 1000000003);
    dft::Stats copy = stats;
    copy.add(std::vector<std::int64_t>{-5, -5});
    CHECK(stats.describe().samples() == 3 && copy.describe().samples() == 5 && copy.integers().min() == -5);
    const dft::Stats read = dft::Stats::deserialize(copy.serialize());
    CHECK(read.serialize() == copy.serialize() && read.describe().samples() == 5);
    // Merging in any order gives the same bytes.
    CHECK(dft::Stats(stats).merge(read).serialize() == dft::Stats(read).merge(stats).serialize());
    CHECK(dft::attempt([&] { stats.merge(dft::Stats()); }).error()->status() == DFT_CONFIG);
    CHECK(dft::attempt([&] { stats.merge(stats); }).error()->status() == DFT_BUSY);
    CHECK(dft::attempt([] { return dft::Stats::deserialize("nonsense"); }).error()->status() == DFT_DAMAGED);
    CHECK(dft::attempt([] { return dft::Stats(2); }).error()->status() == DFT_INVALID_ARGUMENT);
    CHECK(dft::attempt([&] { return stats.quantile(1.5); }).error()->status() == DFT_INVALID_ARGUMENT);
    dft::Stats reals;
    reals.add(1e9 + 0.5).add(1e9 + 1.5).add(1e9 + 2.5).add(std::numeric_limits<double>::infinity());
    CHECK(reals.reals().mean() == 1e9 + 1.5 && reals.reals().std() == 1.0 && reals.reals().m2() == 2.0);
    CHECK(reals.describe().not_finite() == 1 && reals.describe().samples() == 3);
    CHECK(!reals.quantile(0.5));
    dft::Stats both(0.01);
    both.add(4096).add(5000).add(-3).add(0).add(0.5);
    const std::vector<dft::Bin> bins = both.histogram();
    CHECK(bins.size() == 4 && bins[0].power == -2 && bins[1].power == 0 && bins[2].power == 0.5);
    CHECK(bins[3].power == 4096 && bins[3].values == 2);
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
    CHECK(events.scan([&](const dft::Row &row) { calls += row.count(); }) == 10);
    // A scan ends when its callback returns false.
    CHECK(events.scan([&](const dft::Row &row) { return row->bucket_us < 3000; }) == 4);
    for (std::uint32_t shard = 0; shard < 4; shard++) {
        events.scan_shard_range(shard, shard + 1, 4, [&](const dft::Row &row) { shards += row.count(); });
    }
    CHECK(events.scan_shard_range(0, 4, 4, [](const dft::Row &) { return false; }) == 1);
    CHECK(events.scan_system_metrics_raw([&](const dft::Reading &reading) {
        CHECK(reading.host_hash() == "h" && reading.name() == "cpu" && reading->metrics == 2 && !reading.pid());
        CHECK(reading.metrics()[1].name() == "user" && reading.metrics()[1].mean() == 1.5);
        readings += reading->readings;
        return true;
    }) == 1);
    CHECK(calls == 100 && shards == 100 && readings == 1);
    CHECK(events.observed_columns().group_keys.empty() && events.observed_columns().custom_metrics.empty());
    CHECK((events.observed_telemetry_metrics() == std::vector<std::string>{"idle", "user"}));
    CHECK(events.index().columns(DFT_TABLE_EVENTS).size() == 23);
    // An exception in a scan ends it, and the caller receives it.
    try {
        events.scan([](const dft::Row &) { throw std::runtime_error("from a scan"); });
        CHECK(false);
    } catch (const std::runtime_error &error) {
        CHECK(std::string(error.what()) == "from a scan");
    }
}

void a_sink_takes_records_of_many_threads(const std::string &folder) {
    dft::SinkRequest request{folder + "/sink", "rank 1"};
    request.config.interval_us = 1000;
    dft::Sink sink(request);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; thread++) {
        threads.emplace_back([&] {
            for (int call = 0; call < 100; call++) {
                auto record = dft::record();
                record.name = dft::text("read");
                record.ts_us = call;
                sink.add(record);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    auto bad = dft::record();
    bad.ts_us = -1;
    CHECK(!sink.try_add(bad));
    sink.flush(3600000);
    sink.publish();
    std::uint64_t calls = 0;
    const dft::Index index(request.index);
    for (const dft::Row &row : index.rows()) {
        calls += row.count();
    }
    CHECK(calls == 400 && index.describe().interval_us == 1000);
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

void jobs_are_analyzed_and_compared(const std::string &folder) {
    for (const std::int64_t calls : {100, 150}) {
        aggregated(0, calls).finalize(folder + "/run" + std::to_string(calls), "trace");
    }
    const dft::Index first(folder + "/run100"), second(folder + "/run150");
    const auto has = [](const std::string &json, const std::string &part) {
        return json.find(part) != std::string::npos;
    };
    dft::AnalyzeRequest request;
    request.preset = "auto";
    request.by = "function";
    const std::string analysis = first.analyze(request);
    CHECK(analysis.front() == '{' && has(analysis, "\"calls\":100") && has(analysis, "\"time_of_calls_us\":4950"));
    CHECK(has(analysis, "\"by\":\"function\"") && has(analysis, "read"));
    CHECK(first.analyze() == first.analyze({dft::sized<dft_view>(), "auto"}));

    request.conditions = {"calls > 1.4x", "calls > 1.6x"};
    CHECK(!dft::attempt([&] { return first.analyze(request); }));
    const std::string compared = dft::compare({{"A", &first}, {"B", &second}}, request);
    CHECK(has(compared, "\"runs\":[\"A\",\"B\"]"));
    CHECK(has(compared, "\"condition\":\"calls > 1.4x\",\"holds\":true,\"values\":[100.0,150.0]"));
    CHECK(has(compared, "\"condition\":\"calls > 1.6x\",\"holds\":false"));

    request = {};
    request.by = "time";
    request.view.granularity_us = 1500;
    CHECK(!dft::attempt([&] { return dft::compare({{"A", &first}, {"B", &second}}, request); }));
    request.view.granularity_us = 5000;
    CHECK(has(dft::compare({{"A", &first}, {"B", &second}}, request), " 0.005 s"));
    request.preset = "nosuch";
    CHECK(!dft::attempt([&] { return first.analyze(request); }));
    CHECK(!dft::attempt([&] { return dft::compare({{"A", &first}}); }));
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 2);
    rows_are_a_range(argv[1]);
    pieces_of_a_trace_are_ingested(argv[1]);
    builds_report_progress_and_can_be_stopped(argv[1]);
    failures_throw_or_become_results(argv[1]);
    rows_give_all_they_have(argv[1]);
    accumulators_are_values(argv[1]);
    event_aggregator_has_the_ported_interface(argv[1]);
    a_sink_takes_records_of_many_threads(argv[1]);
    errors_are_logged(argv[1]);
    jobs_are_analyzed_and_compared(argv[1]);
    std::cout << "layer.cpp: 10 passed, 0 failed\n";
}
