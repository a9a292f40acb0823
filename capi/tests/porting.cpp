// Holds docs/porting.md to its word: each line of its tables names a function here. Argument: an empty directory.
#include "check.hpp"

#include <dft_utils.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <set>

namespace {

std::string folder;

// Records of all three kinds of series, as tracers of generation 2 write them.
const char *const MIXED =
    R"({"name":"read","cat":"POSIX","pid":7,"tid":3,"ts":1000,"dur":50,"ph":"X","args":{"ret":64,"bytes":64,"hhash":"h","fhash":"f"}})"
    "\n"
    R"({"name":"read","cat":"POSIX","pid":7,"tid":3,"ts":1500,"ph":"C","args":{"count":4,"dur_sum":80,"dur_min":10,"dur_max":30,"ret_sum":400,"ret_min":50,"ret_max":150,"bytes_sum":1000,"bytes_min":100,"bytes_max":400}})"
    "\n"
    R"({"name":"mem_bw","cat":"sys","pid":7,"tid":3,"ts":2500,"ph":"C","args":{"count":2,"dur_sum":40,"dur_min":15,"dur_max":25,"ret_sum":600,"bytes_sum":1200,"bytes_min":500,"bytes_max":700}})"
    "\n";

dft::Index indexed(const std::string &lines, const dft::Config &config = {}) {
    dft::Aggregator aggregator(config);
    CHECK(aggregator.add_lines(lines).malformed == 0);
    return std::move(aggregator).into_index();
}

std::string call(const std::string &fields, const std::string &args) {
    return R"({"ph":"X","name":"f","cat":"c",)" + fields + R"(,"args":{)" + args + "}}\n";
}

dft::Stats sampled(const std::vector<std::int64_t> &samples, double accuracy = 0.01) {
    dft::Stats stats(accuracy);
    return stats.add(samples);
}

bool near(std::optional<double> value, double wanted) { return value && std::abs(*value - wanted) <= 1e-9 * wanted; }

dft_row_query of_kind(std::uint32_t kind) {
    auto query = dft::sized<dft_row_query>();
    query.kind = kind;
    return query;
}

// Every name of the first table of the page.
void every_name_of_the_table_is_here() {
    dft::Config config;
    config.interval_us = 1000;
    dft::EventAggregator events(folder + "/names", "rank 0", config);
    dft::Aggregator chunk(config);
    chunk.add_lines(MIXED);
    events.merge_chunk(chunk);
    events.finalize();
    CHECK(events.scan([](const dft::Row &) {}, DFT_SERIES_CALL) == 1);
    CHECK(events.scan_shard_range(0, 2, 2, [](const dft::Row &) {}) == 1);
    CHECK(events.scan_system_metrics_raw([](const dft::Reading &) {}, dft::sized<dft_reading_query>()) == 0);
    CHECK(events.persist_time_bounds() && events.query_time_bounds()->first == 1000);
    CHECK(events.observed_columns().custom_metrics == std::vector<std::string>{"bytes"});
    CHECK(events.observed_telemetry_metrics().empty());
    for (const dft::Row &row : events.index().rows()) {
        CHECK(dft::Value(row.value()).merge(row.value()).serialize(row->bucket_us).size() > 0);
        const dft::Stats bytes = *row.stats("bytes");
        CHECK(dft::Stats(bytes).merge(bytes).describe().samples() == 2);
    }
    std::ofstream(folder + "/names.pfw") << MIXED;
    dft::BuildRequest build{{folder + "/names.pfw"}, folder + "/names-built"};
    CHECK(dft::build(build).records == 3);
    dft::StageRequest stage{{}, dft::plan({folder + "/names.pfw"}), folder + "/local", folder + "/shared"};
    CHECK(dft::stage(stage).records == 3);
    CHECK(dft::ingest({folder + "/names-staged", folder + "/shared"}).taken == 1);
    // Arrow's header defines the stream: five pointers.
    void *stream[5] = {};
    events.index().table_stream(DFT_TABLE_EVENTS, reinterpret_cast<struct ArrowArrayStream *>(stream));
    CHECK(stream[3] != nullptr);
    reinterpret_cast<void (*)(void *)>(stream[3])(stream);
}

void series_kinds_are_separate() {
    dft::Aggregator first, second;
    first.add_lines(MIXED);
    second.add_lines(MIXED);
    first.merge(second);
    first.finalize(folder + "/kinds", "a");
    const dft::Index index(folder + "/kinds");
    const dft_index_counts counts = index.count();
    CHECK(counts.event_rows == 1 && counts.profile_rows == 1 && counts.system_rows == 1 && counts.files == 1);
    std::uint64_t events = 0;
    index.files([&](const dft_file &file) { events += file.events + file.profiles + file.systems; });
    CHECK(events == 6);
    for (const dft::Row &row : index.rows(DFT_SERIES_CALL)) {
        CHECK(row.category() == "posix" && row.count() == 2 && row.duration()->sum() == 100);
        CHECK(row.bytes()->sum() == 128 && row.stats("bytes")->integers().sum() == 128);
        CHECK(row.key().front() == DFT_SERIES_CALL);
    }
    for (const dft::Row &row : index.rows(DFT_SERIES_AGGREGATED_CALL)) {
        CHECK(row.count() == 8 && row.duration()->sum() == 160 && row.duration()->mean() == 20.0);
        CHECK(row.duration()->min() == 10 && row.duration()->max() == 30 && !row.duration()->std());
        CHECK(row.bytes()->sum() == 800 && row.bytes()->mean() == 100.0);
        const dft::Metric bytes = row.stats("bytes")->describe();
        CHECK(bytes.total() == 2000.0 && bytes.min() == 100.0 && bytes.max() == 400.0 && bytes.mean() == 250.0);
        CHECK(row.key().front() == DFT_SERIES_AGGREGATED_CALL);
    }
    for (const dft::Row &row : index.rows(DFT_SERIES_HOST_STATISTIC)) {
        CHECK(row.category() == "sys" && row.count() == 4 && row.duration()->mean() == 20.0);
        // No data transfer, so `ret` is no size.
        CHECK(!row.bytes() && row.stats("bytes")->describe().mean() == 600.0);
        CHECK(row.key().front() == DFT_SERIES_HOST_STATISTIC);
    }
}

void two_indexes_are_open_at_once() {
    const dft::Index a = indexed(R"({"ph":"X","name":"read","cat":"POSIX","ts":1})");
    const dft::Index b = indexed(R"({"ph":"X","name":"send","cat":"MPI","ts":1})");
    for (int again = 0; again < 2; again++) {
        a.scan(of_kind(0), [](const dft::Row &row) { CHECK(row.category() == "posix" && row.name() == "read"); });
        b.scan(of_kind(0), [](const dft::Row &row) { CHECK(row.category() == "mpi" && row.name() == "send"); });
    }
}

void each_part_of_the_identity_separates_rows() {
    dft::Config config;
    config.group_keys = {"epoch", "step"};
    const std::string base = R"("pid":1,"tid":1,"ts":5)", hashes = R"("hhash":"h","fhash":"f")";
    const std::string lines =
        call(base, hashes) + R"({"ph":"X","name":"f","cat":"other","pid":1,"tid":1,"ts":5,"args":{)" + hashes + "}}\n" +
        R"({"ph":"X","name":"other","cat":"c","pid":1,"tid":1,"ts":5,"args":{)" + hashes + "}}\n" +
        call(R"("pid":99,"tid":1,"ts":5)", hashes) + call(R"("pid":1,"tid":99,"ts":5)", hashes) +
        call(base, R"("hhash":"other","fhash":"f")") + call(base, R"("hhash":"h","fhash":"other")") +
        call(R"("pid":1,"tid":1,"ts":1000005)", hashes) + call(base, hashes + R"(,"epoch":1,"step":2)");
    // The same again, with args in another order: every row has two calls.
    const std::string again = call(base, R"("step":2,"fhash":"f","epoch":1,"hhash":"h")");
    std::map<std::string, std::uint64_t> counts;
    for (const dft::Row &row : indexed(lines + lines + again, config).rows()) {
        CHECK(counts.emplace(row.key(), row.count()).second);
        if (row.group_value("epoch")) {
            CHECK(row.group_value("epoch") == "1" && row.group_value("step") == "2" && row.count() == 3);
        } else {
            CHECK(row.count() == 2);
        }
        std::uint8_t series[24];
        std::uint64_t bucket = 77;
        dft::check(dft_row_key_decode(row->key, series, &bucket));
        CHECK(bucket == row->bucket_us);
    }
    CHECK(counts.size() == 9);
}

void any_file_hash_keeps_its_text() {
    const std::string base = R"("ts":5)";
    std::set<std::string> hashes;
    const dft::Index index = indexed(call(base, R"("fhash":"f07c4ebf132e3799")") +
                                     call(base, R"("fhash":"NOT-A-HASH")") + call(base, R"("ret":1)"));
    index.scan(of_kind(0), [&](const dft::Row &row) { hashes.emplace(row.file_hash()); });
    CHECK((hashes == std::set<std::string>{"", "NOT-A-HASH", "f07c4ebf132e3799"}));
    CHECK(index.name(DFT_NAMES_FILE, "NOT-A-HASH").empty());
}

void rows_of_a_series_are_in_order_of_time() {
    std::string lines;
    for (int at = 9; at >= 0; at--) {
        lines += call(R"("tid":)" + std::to_string(at % 2) + R"(,"ts":)" + std::to_string(at * 1000000), "");
    }
    std::int64_t tid = -1;
    std::uint64_t last = 0, changes = 0;
    std::string key;
    for (const dft::Row &row : indexed(lines).rows()) {
        CHECK(key < row.key());
        CHECK(row->tid != tid || row->bucket_us > last);
        changes += row->tid != tid;
        tid = row->tid;
        last = row->bucket_us;
        key = row.key();
    }
    CHECK(changes == 2);
}

void values_are_encoded_and_decoded() {
    dft::Value value(DFT_VALUE_ROW, 0.01);
    value.span(100, 1000000, 2000000).set(DFT_METRIC_DURATION, sampled({10, 50, 90}));
    value.set(DFT_METRIC_OFFSET, sampled({-3, 7})).set("offset", sampled({20, 80}));
    value.set("rate", dft::Stats(0.01).add(12345.678).add(0.25));
    const dft::Value read = dft::Value::deserialize(DFT_VALUE_ROW, value.serialize(5), 5, 0.01);
    const dft_value_info info = read.describe();
    CHECK(info.count == 100 && info.ts_us == 1000000 && info.te_us == 2000000 && info.metrics == 4);
    CHECK(read.stats(DFT_METRIC_DURATION)->integers().sum() == 150);
    CHECK(read.stats(DFT_METRIC_DURATION)->integers().std() == 40.0 && !read.stats(DFT_METRIC_SIZE));
    CHECK(read.stats(DFT_METRIC_OFFSET)->integers().min() == -3);
    // A custom metric called offset is not the offset.
    CHECK(read.stats("offset")->integers().sum() == 100 && read.stats("offset")->integers().mean() == 50.0);
    CHECK(read.stats("rate")->reals().total() == 12345.928 && read.stats("rate")->reals().max() == 12345.678);
    CHECK(read.stats(DFT_METRIC_DURATION)->quantile(0.5) == value.stats(DFT_METRIC_DURATION)->quantile(0.5));
    CHECK(read.serialize(5) == value.serialize(5));
}

void distinct_files_are_counted_from_rows() {
    std::string lines;
    for (int at = 0; at < 5000; at++) {
        lines += call(R"("ts":5)", R"("fhash":")" + std::to_string(at % 2500) + R"(")");
    }
    std::set<std::string> files;
    const std::uint64_t rows =
        indexed(lines).scan(of_kind(0), [&](const dft::Row &row) { files.emplace(row.file_hash()); });
    CHECK(files.size() == 2500 && rows == 2500);
}

void statistics_of_samples() {
    const dft::Metric none = dft::Stats().describe();
    CHECK(none.samples() == 0 && !none.total() && !none.mean() && !none.std() && !none.min());
    const dft::IntStats one = sampled({42}).integers();
    CHECK(one.samples() == 1 && one.mean() == 42.0 && one.sum() == 42 && one.min() == 42 && one.max() == 42);
    CHECK(!one.std());
    const dft::IntStats two = sampled({10, 20}).integers();
    CHECK(two.mean() == 15.0 && two.sum() == 30 && two.min() == 10 && two.max() == 20);
    CHECK(near(two.std(), std::sqrt(50.0)));
    const dft::IntStats known = sampled({2, 4, 4, 4, 5, 5, 7, 9}).integers();
    CHECK(known.mean() == 5.0 && known.sum() == 40 && near(known.std(), std::sqrt(32.0 / 7.0)));
    CHECK(sampled(std::vector<std::int64_t>(10, 5)).integers().std() == 0.0);
    const dft::RealStats reals = dft::Stats().add(10.0).add(20.0).add(30.0).reals();
    CHECK(reals.samples() == 3 && reals.total() == 60.0 && reals.mean() == 20.0 && reals.std() == 10.0);
    const dft::Stats original = sampled({10, 20});
    dft::Stats copy = original;
    copy.add(30);
    CHECK(original.describe().samples() == 2 && copy.describe().samples() == 3);
}

void merged_statistics_are_those_of_all_samples() {
    const dft::Stats all = sampled({2, 4, 6, 8, 10, 12, 14, 16});
    const dft::Stats first = sampled({2, 4, 6, 8}), second = sampled({10, 12, 14, 16}), none = sampled({});
    CHECK(dft::Stats(first).merge(second).serialize() == all.serialize());
    CHECK(dft::Stats(first).merge(none).serialize() == first.serialize());
    CHECK(dft::Stats(none).merge(first).serialize() == first.serialize());
    CHECK(dft::Stats(none).merge(none).serialize() == none.serialize());
}

void calls_become_rows() {
    std::string lines = call(R"("ts":1000,"dur":100)", R"("io_ops":10)") + call(R"("ts":500,"dur":200)", "") +
                        call(R"("ts":999990,"dur":20)", R"("io_ops":20)");
    for (const dft::Row &row : indexed(lines).rows()) {
        // A call belongs to the bucket of its middle.
        if (row->bucket_us == 1000000) {
            CHECK(row.count() == 1 && row->decoded.ts_us == 999990 && row->decoded.te_us == 1000010);
            continue;
        }
        CHECK(row.count() == 2 && row.duration()->samples() == 2 && row.duration()->sum() == 300);
        CHECK(row->decoded.ts_us == 500 && row->decoded.te_us == 1100);
        // Only one of the calls has the metric.
        CHECK(row.stats("io_ops")->describe().samples() == 1 && row.stats("io_ops")->describe().mean() == 10.0);
    }
}

void telemetry_is_merged_and_encoded() {
    dft::Value a(DFT_VALUE_TELEMETRY), b(DFT_VALUE_TELEMETRY);
    CHECK(a.describe().count == 0 && a.metrics().empty());
    CHECK(a.describe().ts_us == std::numeric_limits<std::int64_t>::max());
    a.merge(b);
    CHECK(a.describe().count == 0);
    b.span(2, 100, 200).set("cpu", dft::Stats().add(40.0).add(60.0));
    a.merge(b);
    CHECK(a.serialize(0) == b.serialize(0));
    dft::Value c(DFT_VALUE_TELEMETRY);
    c.span(2, 50, 250).set("cpu", dft::Stats().add(50.0)).set("memory", dft::Stats().add(80.0));
    a.merge(c);
    const dft_value_info info = a.describe();
    CHECK(info.count == 4 && info.ts_us == 50 && info.te_us == 250 && info.metrics == 2);
    CHECK(a.stats("cpu")->reals().samples() == 3 && a.stats("cpu")->reals().mean() == 50.0);
    CHECK(a.stats("cpu")->reals().std() == 10.0 && a.stats("memory")->reals().samples() == 1);
    const dft::Value read = dft::Value::deserialize(DFT_VALUE_TELEMETRY, a.serialize(42), 42);
    CHECK(read.stats("cpu")->reals().std() == 10.0 && read.serialize(42) == a.serialize(42));
    dft::Value bare(DFT_VALUE_TELEMETRY);
    const std::string none = bare.span(10, 1000, 2000).serialize(0);
    CHECK(dft::Value::deserialize(DFT_VALUE_TELEMETRY, none, 0).metrics().empty());
    auto key = dft::sized<dft_reading_key>();
    key.host_hash = dft::text("host123");
    key.name = dft::text("cpu");
    key.bucket_us = 42;
    const std::string bytes =
        dft::detail::buffered([&](dft_buffer *buffer) { return dft_reading_key_encode(&key, buffer); });
    dft::detail::visit<dft_reading_key>(
        [](const dft_reading_key &key) {
            CHECK(dft::view(key.host_hash) == "host123" && dft::view(key.name) == "cpu" && key.bucket_us == 42);
        },
        [&](dft_on_reading_key callback, void *context) {
            return dft_reading_key_decode(dft::text(bytes), callback, context);
        });
}

void sketches_answer_any_quantile() {
    CHECK(!dft::Stats(0.01).quantile(0.5) && !dft::Stats().add(1).quantile(0.5));
    CHECK(sampled({42}).quantile(0.5) == 42.0);
    dft::Stats uniform(0.01), many(0.01);
    for (int at = 1; at <= 10000; at++) {
        many.add(at);
        if (at <= 100) {
            uniform.add(at);
        }
    }
    CHECK(uniform.quantile(0) == 1.0 && uniform.quantile(1) == 100.0);
    for (const double q : {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}) {
        const double exact = std::floor(q * 9999) + 1;
        CHECK(std::abs(*many.quantile(q) - exact) <= 0.0100001 * exact);
    }
    dft::Stats zeros(0.01);
    for (int at = -49; at <= 50; at++) {
        zeros.add(std::max(at, 0));
    }
    CHECK(zeros.quantile(0.25) == 0.0 && *zeros.quantile(0.9) > 30);
    const dft::Stats negative = sampled({-5, -5, -10, -10});
    CHECK(negative.quantile(0) == -10.0 && negative.quantile(1) == -5.0 && *negative.quantile(0.4) < -9.8);
    // No value is between the clusters, and no quantile.
    const dft::Stats clusters = sampled({10, 10, 1000, 1000});
    CHECK(*clusters.quantile(0.4) < 10.2 && *clusters.quantile(0.7) > 980);
    dft::Stats reset = clusters;
    reset = dft::Stats(0.01);
    CHECK(reset.describe().samples() == 0 && !reset.quantile(0.5));
}

void sketches_merge_in_any_order() {
    std::vector<dft::Stats> parts;
    for (int part = 0; part < 3; part++) {
        parts.emplace_back(0.01);
        for (int at = part * 33; at < part * 33 + 33; at++) {
            parts.back().add(at);
        }
    }
    const std::string forward = dft::Stats(parts[0]).merge(parts[1]).merge(parts[2]).serialize();
    CHECK(forward == dft::Stats(parts[2]).merge(parts[1]).merge(parts[0]).serialize());
    CHECK(forward == dft::Stats(parts[0]).merge(dft::Stats(parts[1]).merge(parts[2])).serialize());
}

// Exports the events of an index in cells of a granularity, through a query. Returns the lines of the CSV file.
std::vector<std::string> exported(const dft::Index &index, std::uint64_t granularity, const std::string &query) {
    static int number = 0;
    dft::ExportRequest request{folder + "/tables" + std::to_string(number++), {DFT_TABLE_EVENTS}, DFT_FORMAT_CSV};
    request.view.granularity_us = granularity;
    request.view.query = dft::text(query);
    index.export_tables(request);
    std::ifstream file(request.directory + "/events.csv");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    return lines;
}

void a_query_selects_rows_when_they_are_read() {
    const dft::Index index = indexed(MIXED);
    CHECK(exported(index, 0, "").size() == 2 && exported(index, 0, R"(cat == "posix")").size() == 2);
    CHECK(exported(index, 0, R"(cat == "mpi")").size() == 1);
}

void coarser_cells_are_exact_and_finer_ones_are_refused() {
    std::string lines;
    for (int at = 0; at < 100; at++) {
        lines += call(R"("ts":)" + std::to_string(at * 50000), "");
    }
    const dft::Index index = indexed(lines);
    CHECK(exported(index, 1000000, "").size() == 6);
    const std::vector<std::string> merged = exported(index, 5000000, "");
    CHECK(merged.size() == 2 && merged[1].find(",100,") != std::string::npos);
    const auto finer = dft::attempt([&] { exported(index, 200000, ""); });
    CHECK(finer.error()->status() == DFT_INVALID_ARGUMENT);
    CHECK(std::string(finer.error()->what()).find("multiple") != std::string::npos);
}

void configurations_have_defaults_and_a_hash() {
    const dft::Config defaults;
    const auto hash = [](const dft::Config &config) { return indexed(MIXED, config).describe().config_hash; };
    CHECK(indexed(MIXED).describe().interval_us == 1000000 && hash(defaults) == hash(dft::Config()));
    dft::Config coarser, keys, sketches, no_files;
    coarser.interval_us = 10000000;
    keys.group_keys = {"epoch"};
    sketches.sketch_accuracy = 0.01;
    no_files.group_by_file = false;
    const std::set<std::uint64_t> hashes{hash(defaults), hash(coarser), hash(keys), hash(sketches), hash(no_files)};
    CHECK(hashes.size() == 5);
}

void rows_of_files_roll_up_to_rows_without_files() {
    std::string lines;
    std::uint64_t seed = 7;
    for (int at = 0; at < 200; at++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        lines += call(R"("ts":)" + std::to_string(1000 + at * 37) + R"(,"dur":)" + std::to_string(seed >> 50),
                      R"("offset":)" + std::to_string(seed >> 44) + R"(,"retries":)" + std::to_string(seed % 7) +
                          R"(,"fhash":")" + std::to_string((seed >> 33) % 5) + R"(")");
    }
    dft::Config config;
    config.sketch_accuracy = 0.01;
    const dft::Index by_file = indexed(lines, config);
    config.group_by_file = false;
    const dft::Index direct = indexed(lines, config);
    std::vector<dft::Value> values;
    by_file.scan(of_kind(0), [&](const dft::Row &row) { values.push_back(row.value()); });
    CHECK(values.size() == 5);
    dft::Value forward(DFT_VALUE_ROW, 0.01), reverse(DFT_VALUE_ROW, 0.01), only(DFT_VALUE_ROW, 0.01);
    for (std::size_t at = 0; at < values.size(); at++) {
        forward.merge(values[at]);
        reverse.merge(values[values.size() - 1 - at]);
    }
    CHECK(direct.scan(of_kind(0), [&](const dft::Row &row) {
        CHECK(forward.serialize(row->bucket_us) == dft::view(row->value));
        CHECK(reverse.serialize(row->bucket_us) == dft::view(row->value));
    }) == 1);
    CHECK(only.merge(values[0]).serialize(0) == values[0].serialize(0));
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 2);
    folder = argv[1];
    every_name_of_the_table_is_here();
    series_kinds_are_separate();
    two_indexes_are_open_at_once();
    each_part_of_the_identity_separates_rows();
    any_file_hash_keeps_its_text();
    rows_of_a_series_are_in_order_of_time();
    values_are_encoded_and_decoded();
    distinct_files_are_counted_from_rows();
    statistics_of_samples();
    merged_statistics_are_those_of_all_samples();
    calls_become_rows();
    telemetry_is_merged_and_encoded();
    sketches_answer_any_quantile();
    sketches_merge_in_any_order();
    a_query_selects_rows_when_they_are_read();
    coarser_cells_are_exact_and_finer_ones_are_refused();
    configurations_have_defaults_and_a_hash();
    rows_of_files_roll_up_to_rows_without_files();
    std::cout << "porting.cpp: 18 passed, 0 failed\n";
}
