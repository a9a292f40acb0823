// The C++ layer as a C++ program sees it. Argument: an empty directory.
#include <dft_utils.hpp>

#include <cstdlib>
#include <iostream>

#define CHECK(...)                                                                                           \
    do {                                                                                                     \
        if (!(__VA_ARGS__)) {                                                                                \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #__VA_ARGS__ " does not hold\n";               \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

namespace {

dft::Aggregator aggregated(std::int64_t from, std::int64_t to) {
    dft::Aggregator aggregator(dft::Config().interval_us(1000));
    for (std::int64_t at = from; at < to; at++) {
        auto record = dft::record();
        record.name = dft::text("read");
        record.category = dft::text("STDIO");
        record.fhash = dft::text("f");
        record.ts_us = at * 100;
        record.dur_us = at;
        record.present = DFT_HAS_DURATION;
        aggregator.add(record);
    }
    return aggregator;
}

void rows_are_walked_as_a_range(const std::string &folder) {
    dft::Aggregator one = aggregated(0, 100), other = aggregated(100, 200);
    one.merge(other);
    one.finalize(folder + "/index", "one");
    const dft::Index index(folder + "/index");
    std::uint64_t calls = 0, rows = 0;
    for (const dft::Row &row : index.rows()) {
        CHECK(row.name() == "read" && row.category() == "stdio" && row.fhash() == "f" && row.hhash().empty());
        calls += row->decoded.count;
        rows++;
    }
    CHECK(calls == 200 && rows == 20);
    CHECK(index.query_time_bounds() == std::pair<std::uint64_t, std::uint64_t>(0, 19000));
    CHECK(index.count().event_rows == 20 && index.describe().interval_us == 1000);
    CHECK(index.name(DFT_NAMES_FILE, "f").empty());
    CHECK(index.readings().begin() == index.readings().end());
    dft::verify(folder + "/index");
    index.export_tables(folder + "/tables", {DFT_TABLE_EVENTS}, DFT_FORMAT_CSV);
}

void what_fails_throws_or_is_a_result(const std::string &folder) {
    try {
        dft::Index index(folder + "/nothing");
        CHECK(false);
    } catch (const dft::Error &error) {
        CHECK(error.status() == DFT_NO_INDEX && error.path() == folder + "/nothing");
        CHECK(std::string(error.what()).find("dft index") != std::string::npos);
    }
    auto result = dft::attempt([&] { return dft::Index(folder + "/nothing"); });
    CHECK(!result && result.error()->status() == DFT_NO_INDEX);
    auto good = dft::attempt([&] { return dft::Index(folder + "/index"); });
    CHECK(good && good.value().describe().has_bounds);
    auto record = dft::record();
    record.ts_us = -5;
    dft::Aggregator aggregator;
    CHECK(!aggregator.try_add(record));
    CHECK(aggregator.add_lines("{\"ts\":1,\"ph\":1}\nno\n").malformed == 1);
    const dft::Index index = std::move(aggregator).into_index();
    CHECK(index.count().event_rows == 1);
    // What a callback throws arrives.
    bool thrown = false;
    try {
        index.files([](const dft_file &) { throw std::runtime_error("from within"); });
    } catch (const std::runtime_error &error) {
        thrown = std::string(error.what()) == "from within";
    }
    CHECK(thrown);
    dft::Index moved = dft::Index(folder + "/index");
    dft::Index to = std::move(moved);
    CHECK(to.count().files == 1);
    to = dft::Index(folder + "/index");
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 2);
    rows_are_walked_as_a_range(argv[1]);
    what_fails_throws_or_is_a_result(argv[1]);
    std::cout << "layer.cpp: 2 passed, 0 failed\n";
}
