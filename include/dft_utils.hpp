// dft_utils.hpp: a header-only C++17 layer over dft_utils.h. The rules of the C header hold here too.
//
// Destructors free handles; handles move but do not copy. A failure throws dft::Error, which has the status,
// the path and the key that the failure is about; dft::attempt returns a dft::Result instead.
//
//     dft::Index index("run.dftagg");
//     for (const dft::Row &row : index.rows()) {
//         std::cout << row.name() << ' ' << row.count() << '\n';
//     }
//
// A row is valid until its range advances. Use each Aggregator and each range from one thread at a time. Any
// number of threads may share an Index.

#ifndef DFT_UTILS_HPP
#define DFT_UTILS_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "dft_utils.h"

namespace dft {

/// Returns a text in the form that the C functions take.
inline dft_text text(std::string_view view) noexcept { return {view.data(), view.size()}; }

/// Returns a view of a text that a C function returned. It is valid for as long as that function states.
inline std::string_view view(const dft_text &text) noexcept {
    return {text.data == nullptr ? "" : text.data, static_cast<std::size_t>(text.length)};
}

/// Returns texts in the form that the C functions take. They are valid as long as the strings.
inline std::vector<dft_text> texts(const std::vector<std::string> &all) {
    std::vector<dft_text> texts;
    texts.reserve(all.size());
    for (const std::string &one : all) {
        texts.push_back(text(one));
    }
    return texts;
}

/// Returns a struct whose `size` is set and whose other fields are zero.
template <typename Struct> Struct sized() noexcept {
    Struct value{};
    value.size = sizeof(Struct);
    return value;
}

/// A failed call. what() is a message for people.
class Error : public std::runtime_error {
public:
    Error(dft_status status, std::string message, std::string path, std::string key)
        : std::runtime_error(std::move(message)), status_(status), path_(std::move(path)), key_(std::move(key)) {}

    /// Returns the error of this thread's last failed call.
    static Error last(dft_status status) {
        auto error = sized<dft_error>();
        if (dft_last_error(&error) != DFT_OK) {
            return Error(status, "no details are available", {}, {});
        }
        return Error(status, std::string(view(error.message)), std::string(view(error.path)),
                     std::string(view(error.key)));
    }

    /// Returns one of DFT_….
    dft_status status() const noexcept { return status_; }
    /// Returns the file or directory that the error is about; empty if there is none.
    const std::string &path() const noexcept { return path_; }
    /// Returns the key or row that the error is about; empty if there is none.
    const std::string &key() const noexcept { return key_; }

private:
    dft_status status_;
    std::string path_;
    std::string key_;
};

/// Throws the error of a status other than DFT_OK.
inline void check(dft_status status) {
    if (status != DFT_OK) {
        throw Error::last(status);
    }
}

/// A value or an error, for callers that do not use exceptions.
template <typename Value> class Result {
public:
    Result(Value value) : value_(std::move(value)) {}
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    /// Returns the value; throws the error if there is no value.
    Value &value() {
        if (!value_) {
            throw *error_;
        }
        return *value_;
    }
    /// Returns the error, if there is one.
    const std::optional<Error> &error() const noexcept { return error_; }

private:
    std::optional<Value> value_;
    std::optional<Error> error_;
};

/// The result of an operation without a value.
template <> class Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_; }
    /// Throws the error, if there is one.
    void value() const {
        if (error_) {
            throw *error_;
        }
    }
    /// Returns the error, if there is one.
    const std::optional<Error> &error() const noexcept { return error_; }

private:
    std::optional<Error> error_;
};

/// Calls a function that may throw dft::Error, and returns its value or its error: `dft::attempt([] { return …; })`.
template <typename Work> auto attempt(Work &&work) -> Result<decltype(work())> {
    try {
        if constexpr (std::is_void_v<decltype(work())>) {
            work();
            return {};
        } else {
            return Result<decltype(work())>(work());
        }
    } catch (const Error &error) {
        return Result<decltype(work())>(error);
    }
}

namespace detail {

/// An owned handle, which is freed once.
template <typename Handle, dft_status (*Free)(Handle *)> class Owned {
public:
    Owned() noexcept = default;
    explicit Owned(Handle *handle) noexcept : handle_(handle) {}
    Owned(Owned &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Owned &operator=(Owned &&other) noexcept {
        if (this != &other) {
            Free(handle_);
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    Owned(const Owned &) = delete;
    Owned &operator=(const Owned &) = delete;
    ~Owned() { Free(handle_); }

    Handle *get() const noexcept { return handle_; }
    Handle **place() noexcept { return &handle_; }
    /// Gives up ownership: the caller must free the handle.
    Handle *release() noexcept { return std::exchange(handle_, nullptr); }

private:
    Handle *handle_ = nullptr;
};

/// The first exception of the callbacks of one call, which is rethrown after the call. Callbacks may run on several
/// threads.
class Thrown {
public:
    void keep(std::exception_ptr exception) noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (!first_) {
            first_ = std::move(exception);
        }
    }
    void rethrow() const {
        if (first_) {
            std::rethrow_exception(first_);
        }
    }

private:
    std::mutex mutex_;
    std::exception_ptr first_;
};

/// Calls a function with an item. Returns whether to go on: what the function returns, or true if it returns nothing.
template <typename Function, typename... Items> bool goes_on(Function &&function, Items &&...items) {
    if constexpr (std::is_void_v<decltype(function(std::forward<Items>(items)...))>) {
        function(std::forward<Items>(items)...);
        return true;
    } else {
        return function(std::forward<Items>(items)...);
    }
}

/// Passes a function to a C function that takes a callback: `call` receives the callback and its context.
template <typename Item, typename Function, typename Call> void visit(Function &&function, Call &&call) {
    struct Callbacks {
        std::decay_t<Function> *function;
        Thrown thrown;
    } callbacks{&function, {}};
    const auto callback = [](void *context, const Item *item) noexcept -> std::int32_t {
        auto &callbacks = *static_cast<Callbacks *>(context);
        try {
            return goes_on(*callbacks.function, *item) ? 0 : 1;
        } catch (...) {
            callbacks.thrown.keep(std::current_exception());
            return 1;
        }
    };
    const dft_status status = call(+callback, static_cast<void *>(&callbacks));
    callbacks.thrown.rethrow();
    check(status);
}

/// Returns what a C function writes to a buffer, whatever its length. `call` receives the buffer.
template <typename Call> std::string buffered(Call &&call) {
    std::string bytes(256, '\0');
    dft_buffer buffer{bytes.data(), bytes.size(), 0};
    dft_status status = call(&buffer);
    if (status == DFT_TOO_LARGE && buffer.length > buffer.capacity) {
        bytes.resize(buffer.length);
        buffer = dft_buffer{bytes.data(), bytes.size(), 0};
        status = call(&buffer);
    }
    check(status);
    bytes.resize(buffer.length);
    return bytes;
}

/// A single-pass iterator over a cursor. `Cursor` has an `Item` and `bool step()`.
template <typename Cursor> class Iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = typename Cursor::Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type *;
    using reference = const value_type &;

    Iterator() noexcept = default;
    explicit Iterator(Cursor &cursor) : cursor_(cursor.step() ? &cursor : nullptr) {}

    reference operator*() const noexcept { return cursor_->item(); }
    pointer operator->() const noexcept { return &cursor_->item(); }
    Iterator &operator++() {
        if (!cursor_->step()) {
            cursor_ = nullptr;
        }
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator &a, const Iterator &b) noexcept { return a.cursor_ == b.cursor_; }
    friend bool operator!=(const Iterator &a, const Iterator &b) noexcept { return a.cursor_ != b.cursor_; }

private:
    Cursor *cursor_ = nullptr;
};

} // namespace detail

/// How records are aggregated. A new Config has the defaults.
struct Config {
    /// The length of a bucket, in µs; 0 for 1 s.
    std::uint64_t interval_us = 0;
    /// Args whose values keep rows apart.
    std::vector<std::string> group_keys = {};
    /// Which args become custom metrics: one of DFT_CUSTOM_METRICS_….
    std::uint32_t custom_metrics = DFT_CUSTOM_METRICS_ON;
    /// The args that become custom metrics, for DFT_CUSTOM_METRICS_NAMED.
    std::vector<std::string> custom_metric_names = {};
    /// The relative accuracy of percentiles, such as 0.01; 0 keeps no percentiles.
    double sketch_accuracy = 0;
    /// Whether rows are kept apart by file.
    bool group_by_file = true;
    /// What the ts of a counter with the phase letter C is in its period: one of DFT_COUNTER_PERIOD_….
    std::uint32_t counter_period = DFT_COUNTER_PERIOD_OF_TRACE;
    /// The unit of times for traces that do not state one: one of DFT_TIME_UNIT_….
    std::uint32_t time_unit = DFT_TIME_UNIT_US;

    /// Passes the configuration to a C function.
    template <typename Use> auto with(Use &&use) const {
        const std::vector<dft_text> keys = texts(group_keys);
        const std::vector<dft_text> names = texts(custom_metric_names);
        auto config = sized<dft_config>();
        config.interval_us = interval_us;
        config.group_keys = keys.data();
        config.group_keys_length = keys.size();
        config.custom_metric_names = names.data();
        config.custom_metric_names_length = names.size();
        config.custom_metrics = custom_metrics;
        config.group_by_file = group_by_file ? DFT_GROUP_BY_FILE_ON : DFT_GROUP_BY_FILE_OFF;
        config.sketch_accuracy = sketch_accuracy;
        config.counter_period = counter_period;
        config.time_unit = time_unit;
        return use(static_cast<const dft_config *>(&config));
    }
};

/// Returns a number of the C library, in which NaN stands for an unknown one.
inline std::optional<double> known(double number) noexcept {
    return number == number ? std::optional<double>(number) : std::nullopt;
}

/// Exact statistics of integers. There is no value where nothing was recorded, or where it is unknown.
class IntStats {
public:
    explicit IntStats(const dft_int_stats &stats) noexcept : stats_(stats) {}

    const dft_int_stats *operator->() const noexcept { return &stats_; }
    std::uint64_t samples() const noexcept { return stats_.samples; }
    /// Returns the sum if it fits in 64 bits; `sum_low` and `sum_high` have it in any case.
    std::optional<std::int64_t> sum() const noexcept {
        const auto low = static_cast<std::int64_t>(stats_.sum_low);
        const bool fits = stats_.sum_high == (low < 0 ? -1 : 0);
        return stats_.samples > 0 && fits ? std::optional<std::int64_t>(low) : std::nullopt;
    }
    std::optional<std::int64_t> min() const noexcept { return extremum(stats_.min); }
    std::optional<std::int64_t> max() const noexcept { return extremum(stats_.max); }
    std::optional<double> mean() const noexcept { return known(stats_.mean); }
    /// Returns the sample standard deviation.
    std::optional<double> std() const noexcept { return known(stats_.std); }
    /// Returns whether anything was recorded.
    bool is_recorded() const noexcept { return stats_.samples > 0 || stats_.has_extent != 0; }

private:
    std::optional<std::int64_t> extremum(std::int64_t value) const noexcept {
        return stats_.has_extent != 0 ? std::optional<std::int64_t>(value) : std::nullopt;
    }

    dft_int_stats stats_;
};

/// Correctly rounded statistics of doubles. There is no value where nothing was recorded, or where it is unknown.
class RealStats {
public:
    explicit RealStats(const dft_real_stats &stats) noexcept : stats_(stats) {}

    std::uint64_t samples() const noexcept { return stats_.samples; }
    /// Returns the number of samples that are NaN or infinite, which nothing else counts.
    std::uint64_t not_finite() const noexcept { return stats_.not_finite; }
    std::optional<double> total() const noexcept { return known(stats_.total); }
    std::optional<double> min() const noexcept { return known(stats_.min); }
    std::optional<double> max() const noexcept { return known(stats_.max); }
    std::optional<double> mean() const noexcept { return known(stats_.mean); }
    /// Returns the sample standard deviation.
    std::optional<double> std() const noexcept { return known(stats_.std); }
    /// Returns the sum of squared deviations from the mean.
    std::optional<double> m2() const noexcept { return known(stats_.m2); }

private:
    dft_real_stats stats_;
};

/// The statistics of one metric, with its name.
class Metric {
public:
    explicit Metric(const dft_metric &metric) : metric_(metric), name_(view(metric.name)) {}

    /// Returns the name: `dur`, `size` and `offset` for durations, sizes and offsets.
    const std::string &name() const noexcept { return name_; }
    std::uint64_t samples() const noexcept { return metric_.samples; }
    std::uint64_t not_finite() const noexcept { return metric_.not_finite; }
    std::optional<double> total() const noexcept { return known(metric_.total); }
    std::optional<double> min() const noexcept { return known(metric_.min); }
    std::optional<double> max() const noexcept { return known(metric_.max); }
    std::optional<double> mean() const noexcept { return known(metric_.mean); }
    /// Returns the sample standard deviation.
    std::optional<double> std() const noexcept { return known(metric_.std); }
    /// Returns the statistics of those samples that are integers.
    IntStats integers() const noexcept { return IntStats(metric_.integers); }
    /// Returns the statistics of the other samples.
    RealStats reals() const noexcept { return RealStats(metric_.reals); }

private:
    dft_metric metric_;
    std::string name_;
};

/// A bin of a histogram: the power of two that the magnitudes of its values are at least, and the number of values.
using Bin = dft_bin;

/// An accumulator: exact sums of integers and of doubles, and a sketch. A value, which can be copied, merged in any
/// order and serialized.
class Stats {
public:
    /// Creates statistics without samples. `sketch_accuracy`: the relative accuracy of quantiles, such as 0.01; 0 for
    /// no sketch.
    explicit Stats(double sketch_accuracy = 0) { check(dft_stats_new(sketch_accuracy, handle_.place())); }
    /// Takes ownership of a handle.
    explicit Stats(dft_stats *handle) noexcept : handle_(handle) {}
    /// Returns statistics from what serialize() returned.
    static Stats deserialize(std::string_view bytes) {
        dft_stats *handle = nullptr;
        check(dft_stats_decode(text(bytes), &handle));
        return Stats(handle);
    }
    Stats(const Stats &other) { check(dft_stats_copy(other.get(), handle_.place())); }
    Stats &operator=(const Stats &other) { return *this = Stats(other); }
    Stats(Stats &&) noexcept = default;
    Stats &operator=(Stats &&) noexcept = default;

    const dft_stats *get() const noexcept { return handle_.get(); }

    /// Adds a sample: exactly as an integer, or as a double.
    template <typename Number> Stats &add(Number sample) {
        static_assert(std::is_arithmetic_v<Number>, "a sample is a number");
        if constexpr (std::is_integral_v<Number>) {
            const auto integer = static_cast<std::int64_t>(sample);
            check(dft_stats_add_integers(handle_.get(), &integer, 1));
        } else {
            const auto real = static_cast<double>(sample);
            check(dft_stats_add_reals(handle_.get(), &real, 1));
        }
        return *this;
    }
    /// Adds samples.
    Stats &add(const std::vector<std::int64_t> &samples) {
        check(dft_stats_add_integers(handle_.get(), samples.data(), samples.size()));
        return *this;
    }
    Stats &add(const std::vector<double> &samples) {
        check(dft_stats_add_reals(handle_.get(), samples.data(), samples.size()));
        return *this;
    }
    /// Adds all samples of another, whose sketch must have the same accuracy.
    Stats &merge(const Stats &other) {
        check(dft_stats_merge(handle_.get(), other.get()));
        return *this;
    }
    std::string serialize() const {
        return detail::buffered([&](dft_buffer *bytes) { return dft_stats_encode(get(), bytes); });
    }

    /// Returns the joint statistics.
    Metric describe() const {
        auto metric = sized<dft_metric>();
        check(dft_stats_describe(get(), &metric));
        return Metric(metric);
    }
    IntStats integers() const { return describe().integers(); }
    RealStats reals() const { return describe().reals(); }
    /// Returns a quantile, `q` from 0 to 1; nothing without a sketch of all samples.
    std::optional<double> quantile(double q) const {
        double value = 0;
        check(dft_stats_quantile(get(), q, &value));
        return known(value);
    }
    /// Returns the histogram by powers of two, in ascending order; empty without a sketch of all samples.
    std::vector<Bin> histogram() const {
        std::vector<Bin> bins;
        detail::visit<dft_bin>(
            [&](const dft_bin &bin) { bins.push_back(bin); },
            [&](dft_visit_bin callback, void *context) { return dft_stats_histogram(get(), callback, context); });
        return bins;
    }

private:
    detail::Owned<dft_stats, dft_stats_free> handle_;
};

/// The value of a row, or of a row of telemetry, with all of its metrics. Can be copied, merged and serialized.
class Value {
public:
    /// Creates an empty value: one of DFT_VALUE_….
    explicit Value(std::uint32_t kind = DFT_VALUE_ROW, double sketch_accuracy = 0) {
        check(dft_value_new(kind, sketch_accuracy, handle_.place()));
    }
    /// Decodes a value of the index. `sketch_accuracy`: that of the index's configuration.
    static Value deserialize(std::uint32_t kind, std::string_view bytes, std::uint64_t bucket_us,
                             double sketch_accuracy = 0) {
        Value value(nullptr);
        check(dft_value_decode(kind, text(bytes), bucket_us, sketch_accuracy, value.handle_.place()));
        return value;
    }
    Value(const Value &other) { check(dft_value_copy(other.get(), handle_.place())); }
    Value &operator=(const Value &other) { return *this = Value(other); }
    Value(Value &&) noexcept = default;
    Value &operator=(Value &&) noexcept = default;

    const dft_value *get() const noexcept { return handle_.get(); }

    /// Encodes the value as the index does, for a key with this bucket.
    std::string serialize(std::uint64_t bucket_us) const {
        return detail::buffered([&](dft_buffer *bytes) { return dft_value_encode(get(), bucket_us, bytes); });
    }
    /// Adds another value of the same kind.
    Value &merge(const Value &other) {
        check(dft_value_merge(handle_.get(), other.get()));
        return *this;
    }
    /// Returns the count and the time span.
    dft_value_info describe() const {
        auto info = sized<dft_value_info>();
        check(dft_value_describe(get(), &info));
        return info;
    }
    /// Sets the number of calls or readings, and the time span.
    Value &span(std::uint64_t count, std::int64_t ts_us, std::int64_t te_us) {
        check(dft_value_set_span(handle_.get(), count, ts_us, te_us));
        return *this;
    }
    /// Returns the metrics for which something was recorded.
    std::vector<Metric> metrics() const {
        std::vector<Metric> metrics;
        detail::visit<dft_metric>(
            [&](const dft_metric &metric) { metrics.emplace_back(metric); },
            [&](dft_visit_metric callback, void *context) { return dft_value_metrics(get(), callback, context); });
        return metrics;
    }
    /// Returns the statistics of a metric: a name, or one of DFT_METRIC_…. Nothing if none was recorded.
    std::optional<Stats> stats(std::string_view name) const { return stats_of(DFT_METRIC_NAMED, name); }
    std::optional<Stats> stats(std::uint32_t metric) const { return stats_of(metric, {}); }
    /// Sets the statistics of a metric.
    Value &set(std::string_view name, const Stats &stats) { return set_of(DFT_METRIC_NAMED, name, stats); }
    Value &set(std::uint32_t metric, const Stats &stats) { return set_of(metric, {}, stats); }

private:
    explicit Value(std::nullptr_t) noexcept {}
    std::optional<Stats> stats_of(std::uint32_t metric, std::string_view name) const {
        dft_stats *stats = nullptr;
        check(dft_value_stats(get(), metric, text(name), &stats));
        return stats == nullptr ? std::nullopt : std::optional<Stats>(Stats(stats));
    }
    Value &set_of(std::uint32_t metric, std::string_view name, const Stats &stats) {
        check(dft_value_set_stats(handle_.get(), metric, text(name), stats.get()));
        return *this;
    }

    detail::Owned<dft_value, dft_value_free> handle_;
};

namespace detail {

/// What a configuration says about values.
struct Shape {
    std::vector<std::string> group_keys = {};
    double sketch_accuracy = 0;

    static std::shared_ptr<const Shape> of(const dft_index *index) {
        auto config = sized<dft_config>();
        check(dft_index_config(index, &config));
        auto shape = std::make_shared<Shape>();
        for (std::uint64_t at = 0; at < config.group_keys_length; at++) {
            shape->group_keys.emplace_back(view(config.group_keys[at]));
        }
        shape->sketch_accuracy = config.sketch_accuracy;
        return shape;
    }
    /// Returns the value of a group key; nothing if it is absent.
    std::optional<std::string_view> value(std::string_view key, const dft_text *values, std::uint64_t length) const {
        for (std::uint64_t at = 0; at < length && at < group_keys.size(); at++) {
            if (group_keys[at] == key && values[at].length > 0) {
                return view(values[at]);
            }
        }
        return std::nullopt;
    }
};

} // namespace detail

/// A row. It is valid until its range advances, or during the callback.
class Row {
public:
    Row(const dft_row &row, std::shared_ptr<const detail::Shape> shape) : row_(row), shape_(std::move(shape)) {}

    const dft_row *operator->() const noexcept { return &row_; }
    std::string_view key() const noexcept { return view(row_.key); }
    std::string_view category() const noexcept { return view(row_.category); }
    std::string_view name() const noexcept { return view(row_.name); }
    std::string_view host_hash() const noexcept { return view(row_.host_hash); }
    std::string_view file_hash() const noexcept { return view(row_.file_hash); }
    /// Returns the value of a group key; nothing if the row's records do not have it.
    std::optional<std::string_view> group_value(std::string_view key) const noexcept {
        return shape_->value(key, row_.group_values, row_.group_values_length);
    }
    /// Returns the number of calls.
    std::uint64_t count() const noexcept { return row_.decoded.count; }
    /// Return statistics of durations in µs, of bytes transferred, and of file offsets; nothing where none was
    /// recorded.
    std::optional<IntStats> duration() const noexcept { return recorded(row_.decoded.duration); }
    std::optional<IntStats> bytes() const noexcept { return recorded(row_.decoded.bytes); }
    std::optional<IntStats> offset() const noexcept { return recorded(row_.decoded.offset); }
    /// Decodes all of the row: also custom metrics and sketches.
    Value value() const {
        return Value::deserialize(DFT_VALUE_ROW, view(row_.value), row_.bucket_us, shape_->sketch_accuracy);
    }
    /// Returns the statistics of a metric: the name of a custom metric, or one of DFT_METRIC_…. Nothing if none was
    /// recorded.
    std::optional<Stats> stats(std::string_view name) const { return value().stats(name); }
    std::optional<Stats> stats(std::uint32_t metric) const { return value().stats(metric); }

private:
    friend class Rows;
    static std::optional<IntStats> recorded(const dft_int_stats &stats) noexcept {
        const IntStats found(stats);
        return found.is_recorded() ? std::optional<IntStats>(found) : std::nullopt;
    }

    dft_row row_;
    std::shared_ptr<const detail::Shape> shape_;
};

/// A single-pass range of rows: `for (const dft::Row &row : rows)`. Do not move it while iterating.
class Rows {
public:
    using Item = Row;
    using iterator = detail::Iterator<Rows>;

    iterator begin() { return iterator(*this); }
    iterator end() noexcept { return iterator(); }

    /// Advances to the next row; returns false at the end.
    bool step() {
        std::uint32_t has_row = 0;
        check(dft_rows_next(handle_.get(), &row_.row_, &has_row));
        return has_row != 0;
    }
    const Row &item() const noexcept { return row_; }

private:
    friend class Index;
    Rows(const dft_index *index, const dft_row_query &query) : row_(sized<dft_row>(), detail::Shape::of(index)) {
        check(dft_rows_open(index, &query, handle_.place()));
    }

    detail::Owned<dft_rows, dft_rows_free> handle_;
    Row row_;
};

/// The readings of one counter in one bucket. Valid until its range advances, or during the callback.
class Reading {
public:
    Reading(const dft_reading &reading, std::shared_ptr<const detail::Shape> shape)
        : reading_(reading), shape_(std::move(shape)) {}

    const dft_reading *operator->() const noexcept { return &reading_; }
    std::string_view key() const noexcept { return view(reading_.key); }
    std::string_view host_hash() const noexcept { return view(reading_.host_hash); }
    std::string_view name() const noexcept { return view(reading_.name); }
    std::string_view category() const noexcept { return view(reading_.category); }
    /// Returns the process that the counter concerns; nothing if it concerns the whole host.
    std::optional<std::int64_t> pid() const noexcept {
        return reading_.has_pid != 0 ? std::optional<std::int64_t>(reading_.pid) : std::nullopt;
    }
    /// Returns the value of a group key; nothing if the counter's records do not have it.
    std::optional<std::string_view> group_value(std::string_view key) const noexcept {
        return shape_->value(key, reading_.group_values, reading_.group_values_length);
    }
    /// Decodes all of the row.
    Value value() const { return Value::deserialize(DFT_VALUE_TELEMETRY, view(reading_.value), reading_.bucket_us); }
    /// Returns the metrics, in byte order of their names.
    std::vector<Metric> metrics() const { return value().metrics(); }
    /// Returns the statistics of a metric; nothing if it was not recorded.
    std::optional<Stats> stats(std::string_view name) const { return value().stats(name); }

private:
    friend class Readings;
    dft_reading reading_;
    std::shared_ptr<const detail::Shape> shape_;
};

/// A single-pass range of telemetry. Do not move it while iterating.
class Readings {
public:
    using Item = Reading;
    using iterator = detail::Iterator<Readings>;

    iterator begin() { return iterator(*this); }
    iterator end() noexcept { return iterator(); }

    /// Advances to the next row; returns false at the end.
    bool step() {
        std::uint32_t has_row = 0;
        check(dft_readings_next(handle_.get(), &reading_.reading_, &has_row));
        return has_row != 0;
    }
    const Reading &item() const noexcept { return reading_; }

private:
    friend class Index;
    Readings(const dft_index *index, const dft_reading_query &query)
        : reading_(sized<dft_reading>(), detail::Shape::of(index)) {
        check(dft_readings_open(index, &query, handle_.place()));
    }

    detail::Owned<dft_readings, dft_readings_free> handle_;
    Reading reading_;
};

/// What rows of an index were observed to have, beyond what every row has.
struct ObservedColumns {
    /// The group keys that have a value in some row, in the order of the configuration.
    std::vector<std::string> group_keys = {};
    /// The names of custom metrics, in byte order.
    std::vector<std::string> custom_metrics = {};
};

/// What to export, and how.
struct ExportRequest {
    /// The directory, which is created if it does not exist.
    std::string directory = {};
    /// Values of DFT_TABLE_…; none for all tables except the aggregation.
    std::vector<std::uint32_t> tables = {};
    /// One of DFT_FORMAT_….
    std::uint32_t format = DFT_FORMAT_PARQUET;
    /// Which rows.
    dft_view view = sized<dft_view>();
    /// The number of tables written at once; 0 for the number of cores.
    std::uint32_t threads = 0;
};

/// How rows are grouped, as `dft query` does.
struct GroupRequest {
    /// What rows are grouped by, such as `{"func_name", "file_dir"}`; nothing for one group of all rows.
    std::vector<std::string> by = {};
    /// The statistics, such as `{"count", "size_p50"}`; nothing for the usual ones.
    std::vector<std::string> statistics = {};
    /// The columns to sort by, such as `{"dur_total:desc"}`.
    std::vector<std::string> sort = {};
    /// The most groups to return, after sorting; 0 for all.
    std::uint64_t limit = 0;
    /// Values of DFT_SERIES_…; nothing for calls and aggregated calls.
    std::vector<std::uint32_t> kinds = {};
    /// Which rows.
    dft_view view = sized<dft_view>();
    /// The number of threads that read rows; 0 for the number of cores.
    std::uint32_t threads = 0;
};

/// What to analyze or compare, as `dft analyze` and `dft compare` do.
struct AnalyzeRequest {
    /// Which calls, and the granularity of groups by time.
    dft_view view = sized<dft_view>();
    /// The layers: the name of a built-in preset, or the path of a TOML file; empty to choose by what the trace has.
    std::string preset = {};
    /// What to group by, such as `process`; empty for no groups.
    std::string by = {};
    /// Conditions of a comparison, such as `time > 1.2x where cat = posix`.
    std::vector<std::string> conditions = {};
};

namespace detail {
/// Passes a request to an analysis or a comparison, and returns its text.
template <typename Call> std::string analysis(const AnalyzeRequest &request, Call &&call) {
    std::vector<dft_text> conditions;
    for (const std::string &condition : request.conditions) {
        conditions.push_back(text(condition));
    }
    auto asked = sized<dft_analyze_request>();
    asked.view = &request.view;
    asked.preset = text(request.preset);
    asked.by = text(request.by);
    asked.conditions = conditions.data();
    asked.conditions_length = conditions.size();
    std::string json;
    visit<dft_note>([&](const dft_note &note) { json = view(note.text); },
                    [&](dft_on_note on_text, void *context) { return call(&asked, on_text, context); });
    return json;
}
} // namespace detail

/// An index that is open for reading: a snapshot that no writer changes.
class Index {
public:
    explicit Index(std::string_view path) { check(dft_index_open(text(path), handle_.place())); }
    /// Takes ownership of a handle.
    explicit Index(dft_index *handle) noexcept : handle_(handle) {}

    const dft_index *get() const noexcept { return handle_.get(); }

    /// Describes the index.
    dft_index_info describe() const {
        auto info = sized<dft_index_info>();
        check(dft_index_describe(get(), &info));
        return info;
    }
    /// Counts what the index holds. Reads all keys.
    dft_index_counts count() const {
        auto counts = sized<dft_index_counts>();
        check(dft_index_count(get(), &counts));
        return counts;
    }
    /// Returns the time bounds, in µs: the lowest and the highest bucket. An index without rows has none.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> query_time_bounds() const {
        const dft_index_info info = describe();
        if (info.has_bounds == 0) {
            return std::nullopt;
        }
        return std::pair(info.min_bucket_us, info.max_bucket_us);
    }
    /// Returns the name of a hash, of one of DFT_NAMES_…; empty if the hash is unknown.
    std::string name(std::uint32_t kind, std::string_view hash) const {
        return detail::buffered([&](dft_buffer *name) { return dft_index_name(get(), kind, text(hash), name); });
    }
    /// Visits every hash of a table and its name: `visit(hash, name)`. If it returns false, the visits end.
    template <typename Visit> void names(std::uint32_t kind, Visit &&visit) const {
        detail::visit<dft_name>(
            [&](const dft_name &name) { return detail::goes_on(visit, view(name.hash), view(name.name)); },
            [&](dft_visit_name callback, void *context) { return dft_index_names(get(), kind, callback, context); });
    }
    /// Visits every trace file: `visit(const dft_file &)`. If it returns false, the visits end.
    template <typename Visit> void files(Visit &&visit) const {
        detail::visit<dft_file>(
            visit, [&](dft_visit_file callback, void *context) { return dft_index_files(get(), callback, context); });
    }
    /// Visits every process: `visit(const dft_process &)`. If it returns false, the visits end.
    template <typename Visit> void processes(Visit &&visit) const {
        detail::visit<dft_process>(visit, [&](dft_visit_process callback, void *context) {
            return dft_index_processes(get(), callback, context);
        });
    }

    /// Returns the columns of a table, one of DFT_TABLE_…, in order.
    std::vector<std::string> columns(std::uint32_t table, const dft_view &shown = sized<dft_view>()) const {
        std::vector<std::string> columns;
        detail::visit<dft_column>([&](const dft_column &column) { columns.emplace_back(view(column.name)); },
                                  [&](dft_visit_column callback, void *context) {
                                      return dft_table_columns(get(), table, &shown, callback, context);
                                  });
        return columns;
    }
    /// Returns the group keys and custom metrics that rows have. Reads all rows.
    ObservedColumns observed_columns() const {
        return {observed(DFT_OBSERVED_GROUP_KEYS), observed(DFT_OBSERVED_CUSTOM_METRICS)};
    }
    /// Returns the names of the metrics that telemetry has, in byte order. Reads all telemetry.
    std::vector<std::string> observed_telemetry_metrics() const { return observed(DFT_OBSERVED_TELEMETRY_METRICS); }

    /// Returns the rows of a series kind, one of DFT_SERIES_…, by series and time.
    Rows rows(std::uint32_t kind = DFT_SERIES_CALL) const {
        auto query = sized<dft_row_query>();
        query.kind = kind;
        return Rows(get(), query);
    }
    /// Returns the rows that a query selects.
    Rows rows(const dft_row_query &query) const { return Rows(get(), query); }
    /// Returns the telemetry that a query selects; all of it by default.
    Readings readings(const dft_reading_query &query = sized<dft_reading_query>()) const {
        return Readings(get(), query);
    }

    /// Visits the rows that a query selects: `visit(const Row &)`. If it returns false, the scan ends. Returns the
    /// number of rows that were visited.
    template <typename Visit> std::uint64_t scan(const dft_row_query &query, Visit &&visit) const {
        const auto shape = detail::Shape::of(get());
        std::uint64_t visited = 0;
        detail::visit<dft_row>([&](const dft_row &row) { return detail::goes_on(visit, Row(row, shape)); },
                               [&](dft_visit_row callback, void *context) {
                                   return dft_rows_scan(get(), &query, callback, context, &visited);
                               });
        return visited;
    }
    /// Visits the telemetry that a query selects: `visit(const Reading &)`. If it returns false, the scan ends. Returns
    /// the number of rows that were visited.
    template <typename Visit> std::uint64_t scan(const dft_reading_query &query, Visit &&visit) const {
        const auto shape = detail::Shape::of(get());
        std::uint64_t visited = 0;
        detail::visit<dft_reading>(
            [&](const dft_reading &reading) { return detail::goes_on(visit, Reading(reading, shape)); },
            [&](dft_visit_reading callback, void *context) {
                return dft_readings_scan(get(), &query, callback, context, &visited);
            });
        return visited;
    }

    /// Opens a table, one of DFT_TABLE_…, as an Arrow C stream, which the caller releases.
    void table_stream(std::uint32_t table, struct ArrowArrayStream *stream,
                      const dft_view &shown = sized<dft_view>()) const {
        check(dft_table_stream(get(), table, &shown, stream));
    }
    /// Groups rows, and opens the groups as an Arrow C stream, which the caller releases.
    void group_stream(const GroupRequest &request, struct ArrowArrayStream *stream) const {
        const auto joined = [](const std::vector<std::string> &names) {
            std::string all;
            for (const std::string &name : names) {
                all += (all.empty() ? "" : ",") + name;
            }
            return all;
        };
        const std::string by = joined(request.by), statistics = joined(request.statistics), sort = joined(request.sort);
        auto asked = sized<dft_group_request>();
        asked.by = text(by);
        asked.statistics = text(statistics);
        asked.sort = text(sort);
        asked.limit = request.limit;
        asked.kinds = request.kinds.data();
        asked.kinds_length = request.kinds.size();
        asked.view = &request.view;
        asked.threads = request.threads;
        check(dft_group_stream(get(), &asked, stream));
    }
    /// Analyzes where the time of a job went. Returns a JSON object: see `dft_analyze()`.
    std::string analyze(const AnalyzeRequest &request = {}) const {
        return detail::analysis(request, [&](const dft_analyze_request *asked, dft_on_note on_text, void *context) {
            return dft_analyze(get(), asked, on_text, context);
        });
    }
    /// Writes tables to files in a directory.
    void export_tables(const ExportRequest &request) const {
        auto asked = sized<dft_export_request>();
        asked.directory = text(request.directory);
        asked.tables = request.tables.data();
        asked.tables_length = request.tables.size();
        asked.view = &request.view;
        asked.format = request.format;
        asked.threads = request.threads;
        check(dft_export(get(), &asked));
    }

private:
    std::vector<std::string> observed(std::uint32_t which) const {
        std::vector<std::string> names;
        detail::visit<dft_column>([&](const dft_column &column) { names.emplace_back(view(column.name)); },
                                  [&](dft_visit_column callback, void *context) {
                                      return dft_index_observed(get(), which, callback, context);
                                  });
        return names;
    }

    detail::Owned<dft_index, dft_index_free> handle_;
};

/// Aggregates records that a program creates itself. Use one for each thread and merge them: the result is exact,
/// in any order.
class Aggregator {
public:
    explicit Aggregator(const Config &config = Config(), std::uint64_t memory = 0, std::string_view scratch = {}) {
        config.with([&](const dft_config *config) {
            check(dft_aggregator_new(config, memory, text(scratch), handle_.place()));
        });
    }

    /// Adds a record; throws if it is malformed.
    void add(const dft_record &record) { check(dft_aggregator_add(handle_.get(), &record)); }
    /// Adds a record; returns false if it is malformed, which is counted.
    bool try_add(const dft_record &record) {
        const dft_status status = dft_aggregator_add(handle_.get(), &record);
        if (status == DFT_MALFORMED) {
            return false;
        }
        check(status);
        return true;
    }
    /// Adds lines of JSON, in the format of a trace.
    dft_lines_added add_lines(std::string_view lines) {
        auto added = sized<dft_lines_added>();
        check(dft_aggregator_add_lines(handle_.get(), text(lines), &added));
        return added;
    }
    /// Moves all rows of another aggregator into this one.
    void merge(Aggregator &other) { check(dft_aggregator_merge(handle_.get(), other.handle_.get())); }
    /// Adds all rows to an index, under the name of a source. An index accepts each source once.
    void finalize(std::string_view index, std::string_view source, std::uint32_t threads = 0) {
        check(dft_aggregator_publish(handle_.get(), text(index), text(source), threads));
    }
    /// Makes a temporary index of all rows, to read tables from. It is removed with its handle.
    Index into_index(std::uint32_t threads = 0) && {
        dft_index *index = nullptr;
        const dft_status status = dft_aggregator_into_index(handle_.get(), threads, &index);
        if (status != DFT_INVALID_ARGUMENT && status != DFT_INVALID_HANDLE && status != DFT_BUSY) {
            handle_.release();
        }
        check(status);
        return Index(index);
    }

private:
    detail::Owned<dft_aggregator, dft_aggregator_free> handle_;
};

/// What a sink does with records.
struct SinkRequest {
    /// The directory of the index, which is created if it does not exist.
    std::string index = {};
    /// Where the records come from, such as a host and a rank. Several processes may have the same.
    std::string source = {};
    Config config = {};
    /// A directory for tables that exceed the memory budget; empty for the system's directory for temporary files.
    std::string scratch = {};
    /// The memory budget of the table of each thread, in bytes; 0 for 16 MiB.
    std::uint64_t memory = 0;
    /// How often a thread of the sink hands over everything, in ms; 0 for never.
    std::uint64_t interval_ms = 0;
    /// How long publish() waits for an index that another writer holds, in ms; 0 for 10 s.
    std::uint64_t patience_ms = 0;
    /// The number of threads that publish; 0 for 1.
    std::uint32_t threads = 0;
    /// Whether the sink publishes when the process ends by exit() or by returning from main().
    bool at_exit = false;
};

/// For tracers: aggregates the records of many threads, and hands them over to an index. A child of fork() begins
/// empty.
class Sink {
public:
    explicit Sink(const SinkRequest &request) {
        auto asked = sized<dft_sink_request>();
        asked.index = text(request.index);
        asked.source = text(request.source);
        asked.scratch = text(request.scratch);
        asked.memory = request.memory;
        asked.interval_ms = request.interval_ms;
        asked.patience_ms = request.patience_ms;
        asked.threads = request.threads;
        asked.at_exit = request.at_exit ? 1 : 0;
        request.config.with([&](const dft_config *config) {
            asked.config = config;
            check(dft_sink_new(&asked, handle_.place()));
        });
    }

    /// Adds a record; throws if it is malformed. Any number of threads.
    void add(const dft_record &record) { check(dft_sink_add(handle_.get(), &record)); }
    /// Adds a record; returns false if it is malformed, which is counted.
    bool try_add(const dft_record &record) {
        const dft_status status = dft_sink_add(handle_.get(), &record);
        if (status == DFT_MALFORMED) {
            return false;
        }
        check(status);
        return true;
    }
    /// Hands over what threads have held for at least `older_than_ms`.
    void flush(std::uint64_t older_than_ms = 0) { check(dft_sink_flush(handle_.get(), older_than_ms)); }
    /// Hands over everything, and waits for other writers of the index.
    void publish() { check(dft_sink_publish(handle_.get())); }

private:
    detail::Owned<dft_sink, dft_sink_free> handle_;
};

/// The interface of the C++ library that this library replaces, over the classes above. docs/porting.md lists
/// how the names correspond.
class EventAggregator {
public:
    /// Aggregates into the index in a directory, under the name `source`, such as a host and a rank.
    EventAggregator(std::string index, std::string source, const Config &config = Config())
        : path_(std::move(index)), source_(std::move(source)), live_(config) {}

    /// Adds a record.
    void add(const dft_record &record) { live_.add(record); }
    /// Adds lines of JSON.
    dft_lines_added add_lines(std::string_view lines) { return live_.add_lines(lines); }
    /// Moves all rows of another thread's aggregator into this one.
    void merge_chunk(Aggregator &chunk) { live_.merge(chunk); }
    /// Adds all rows and their time bounds to the index atomically. After that, they can be scanned.
    void finalize() {
        live_.finalize(path_, source_);
        index_.reset();
    }
    /// Returns whether the index has time bounds. finalize() persists them with the rows, so this writes nothing.
    bool persist_time_bounds() { return query_time_bounds().has_value(); }
    /// Returns the lowest and the highest bucket of the index, in µs.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> query_time_bounds() { return index().query_time_bounds(); }
    /// Visits every row of a series kind: `visit(const Row &)`. If it returns false, the scan ends. Returns the number
    /// of rows that were visited.
    template <typename Visit> std::uint64_t scan(Visit &&visit, std::uint32_t kind = DFT_SERIES_CALL) {
        return scan_shard_range(0, 1, 1, visit, kind);
    }
    /// Visits the rows of the shards from `first` up to but not including `end`, of `shards` shards, as scan() does.
    template <typename Visit>
    std::uint64_t scan_shard_range(std::uint32_t first, std::uint32_t end, std::uint32_t shards, Visit &&visit,
                                   std::uint32_t kind = DFT_SERIES_CALL) {
        std::uint64_t visited = 0;
        bool goes_on = true;
        for (std::uint32_t shard = first; shard < end && goes_on; shard++) {
            auto query = sized<dft_row_query>();
            query.kind = kind;
            query.shard = shard;
            query.shards = shards;
            visited += index().scan(query, [&](const Row &row) { return goes_on = detail::goes_on(visit, row); });
        }
        return visited;
    }
    /// Visits telemetry, including keys and values, in key order: `visit(const Reading &)`. If it returns false, the
    /// scan ends. Returns the number of rows that were visited.
    template <typename Visit>
    std::uint64_t scan_system_metrics_raw(Visit &&visit, const dft_reading_query &query = sized<dft_reading_query>()) {
        return index().scan(query, visit);
    }
    /// Returns the group keys and custom metrics that rows have.
    ObservedColumns observed_columns() { return index().observed_columns(); }
    /// Returns the names of the metrics that telemetry has, in byte order.
    std::vector<std::string> observed_telemetry_metrics() { return index().observed_telemetry_metrics(); }

    /// Returns the index, which is opened at the first use after finalize().
    Index &index() {
        if (!index_) {
            index_.emplace(std::string_view(path_));
        }
        return *index_;
    }

private:
    std::string path_;
    std::string source_;
    Aggregator live_;
    std::optional<Index> index_;
};

/// Returns an empty record of a phase.
inline dft_record record(std::uint32_t phase = DFT_PHASE_COMPLETE) noexcept {
    auto record = sized<dft_record>();
    record.phase = phase;
    return record;
}

/// Receives the progress of a build, on a thread of the library. If it returns false, the build stops.
using OnProgress = std::function<bool(const dft_progress &)>;
/// Receives a text about a path, such as a fault of a file.
using OnNote = std::function<void(std::string_view path, std::string_view text)>;

/// What to build, and how.
struct BuildRequest {
    /// Files, directories or globs.
    std::vector<std::string> traces = {};
    /// The directory of the index, which is created if it does not exist.
    std::string index = {};
    Config config = {};
    /// Where the traces come from, such as the name of a node; empty for none.
    std::string source = {};
    /// The memory budget in bytes; 0 for 512 MiB.
    std::uint64_t memory = 0;
    /// The number of threads; 0 for the number of cores.
    std::uint32_t threads = 0;
    /// Whether faults of the input are an error.
    bool strict = false;
    /// Whether the index is rebuilt, whatever it holds.
    bool rebuild = false;
    OnProgress on_progress = {};
    OnNote on_fault = {};
};

/// A piece of a trace, for one machine to stage: a range of bytes of the file as it is on disk.
struct Piece {
    std::string path = {};
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t file_size = 0;
};

/// What to stage, and how: a part of `traces`, or `pieces`.
struct StageRequest {
    /// Files, directories or globs.
    std::vector<std::string> traces = {};
    /// Pieces of plan(), in place of traces.
    std::vector<Piece> pieces = {};
    /// A directory of this machine for temporary files.
    std::string staging = {};
    /// The directory of the bundles, which all machines share.
    std::string shared = {};
    /// The part of the traces, counted from 0, and the number of parts.
    std::uint32_t part = 0;
    std::uint32_t parts = 1;
    Config config = {};
    /// As in BuildRequest.
    std::string source = {};
    std::uint64_t memory = 0;
    std::uint32_t threads = 0;
    bool strict = false;
    OnProgress on_progress = {};
    OnNote on_fault = {};
};

/// What to ingest, and how.
struct IngestRequest {
    /// The directory of the index, which is created if it does not exist.
    std::string index = {};
    /// The directory of the bundles.
    std::string shared = {};
    /// Whether ingested bundles are kept.
    bool keep = false;
    /// Receives each bundle that was refused or not removed, and why.
    OnNote on_refused = {};
    /// Receives each trace with missing pieces, and what is missing.
    OnNote on_waiting = {};
    /// Receives each trace whose pieces do not fit together, and why: stage it whole.
    OnNote on_unchained = {};
};

namespace detail {

/// The callbacks of a request.
struct Callbacks {
    OnProgress on_progress = {};
    std::function<void(const dft_note &)> on_note[3] = {};
    Thrown thrown = {};

    template <std::size_t Which> dft_on_note note(const OnNote &given) {
        if (!given) {
            return nullptr;
        }
        on_note[Which] = [&given](const dft_note &note) { given(view(note.path), view(note.text)); };
        return [](void *context, const dft_note *note) noexcept -> std::int32_t {
            auto &callbacks = *static_cast<Callbacks *>(context);
            return callbacks.guard([&] { return goes_on(callbacks.on_note[Which], *note); });
        };
    }
    dft_on_progress progress(const OnProgress &given) {
        if (!given) {
            return nullptr;
        }
        on_progress = given;
        return [](void *context, const dft_progress *progress) noexcept -> std::int32_t {
            auto &callbacks = *static_cast<Callbacks *>(context);
            return callbacks.guard([&] { return callbacks.on_progress(*progress); });
        };
    }
    template <typename Call> std::int32_t guard(Call &&call) noexcept {
        try {
            return call() ? 0 : 1;
        } catch (...) {
            thrown.keep(std::current_exception());
            return 1;
        }
    }
};

/// Sets the fields that the requests of a build and of a staging share, and calls the C function.
template <typename Asked, typename Request, typename Call>
dft_build_summary run(Asked &asked, const Request &request, Call &&call) {
    const std::vector<dft_text> traces = texts(request.traces);
    Callbacks callbacks;
    asked.traces = traces.data();
    asked.traces_length = traces.size();
    asked.source = text(request.source);
    asked.memory = request.memory;
    asked.threads = request.threads;
    asked.strict = request.strict ? 1 : 0;
    asked.on_progress = callbacks.progress(request.on_progress);
    asked.on_fault = callbacks.note<0>(request.on_fault);
    asked.context = &callbacks;
    auto done = sized<dft_build_summary>();
    const dft_status status = request.config.with([&](const dft_config *config) {
        asked.config = config;
        return call(&asked, &done);
    });
    callbacks.thrown.rethrow();
    check(status);
    return done;
}

} // namespace detail

/// Adds to an index what traces have and it does not have yet.
inline dft_build_summary build(const BuildRequest &request) {
    auto asked = sized<dft_build_request>();
    asked.index = text(request.index);
    asked.rebuild = request.rebuild ? 1 : 0;
    return detail::run(asked, request, dft_build);
}

/// Cuts traces into pieces of about `piece_size` bytes; 0 means 1 GiB.
inline std::vector<Piece> plan(const std::vector<std::string> &traces, std::uint64_t piece_size = 0) {
    const std::vector<dft_text> given = texts(traces);
    std::vector<Piece> pieces;
    detail::visit<dft_piece>(
        [&](const dft_piece &piece) {
            pieces.push_back({std::string(view(piece.path)), piece.start, piece.end, piece.file_size});
        },
        [&](dft_on_piece callback, void *context) {
            return dft_plan(given.data(), given.size(), piece_size, callback, context);
        });
    return pieces;
}

/// Stages one machine's part of a build, or pieces of traces.
inline dft_build_summary stage(const StageRequest &request) {
    std::vector<dft_piece> pieces;
    for (const Piece &piece : request.pieces) {
        auto one = sized<dft_piece>();
        one.path = text(piece.path);
        one.start = piece.start;
        one.end = piece.end;
        one.file_size = piece.file_size;
        pieces.push_back(one);
    }
    auto asked = sized<dft_stage_request>();
    asked.pieces = pieces.data();
    asked.pieces_length = pieces.size();
    asked.staging = text(request.staging);
    asked.shared = text(request.shared);
    asked.part = request.part;
    asked.parts = request.parts;
    return detail::run(asked, request, dft_stage);
}

/// Adds staged bundles to an index.
inline dft_ingest_summary ingest(const IngestRequest &request) {
    detail::Callbacks callbacks;
    auto asked = sized<dft_ingest_request>();
    asked.index = text(request.index);
    asked.shared = text(request.shared);
    asked.keep = request.keep ? 1 : 0;
    asked.on_refused = callbacks.note<0>(request.on_refused);
    asked.on_waiting = callbacks.note<1>(request.on_waiting);
    asked.on_unchained = callbacks.note<2>(request.on_unchained);
    asked.context = &callbacks;
    auto done = sized<dft_ingest_summary>();
    const dft_status status = dft_ingest(&asked, &done);
    callbacks.thrown.rethrow();
    check(status);
    return done;
}

/// Visits each trace and its state relative to an index: `visit(const dft_trace &)`. If it returns false, the visits
/// end. Writes nothing.
template <typename Visit> void resolve(const std::vector<std::string> &traces, std::string_view index, Visit &&visit) {
    const std::vector<dft_text> given = texts(traces);
    detail::visit<dft_trace>(visit, [&](dft_visit_trace callback, void *context) {
        return dft_resolve(given.data(), given.size(), text(index), callback, context);
    });
}

/// Reads everything in an index; throws if the index is damaged.
inline void verify(std::string_view index) { check(dft_verify(text(index), nullptr, nullptr)); }

/// A run to compare, and its name in the result.
struct Run {
    std::string name;
    const Index *index;
};

/// Compares runs with the first of them. Returns a JSON object: see `dft_compare()`.
inline std::string compare(const std::vector<Run> &runs, const AnalyzeRequest &request = {}) {
    std::vector<const dft_index *> indexes;
    std::vector<dft_text> names;
    for (const Run &run : runs) {
        indexes.push_back(run.index->get());
        names.push_back(text(run.name));
    }
    return detail::analysis(request, [&](const dft_analyze_request *asked, dft_on_note on_text, void *context) {
        return dft_compare(indexes.data(), names.data(), runs.size(), asked, on_text, context);
    });
}

} // namespace dft

#endif // DFT_UTILS_HPP
