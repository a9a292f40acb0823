// Passes a table to Apache Arrow C++ without a copy, and sums up its calls and their time.
//
//     arrow INDEX
#include <dft_utils.hpp>

#include <arrow/api.h>
#include <arrow/c/abi.h>
#include <arrow/c/bridge.h>
#include <iostream>

namespace {

arrow::Status run(const char *path) {
    const dft::Index index{std::string_view(path)};
    ArrowArrayStream stream;
    index.table_stream(DFT_TABLE_EVENTS, &stream);
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ImportRecordBatchReader(&stream));
    std::int64_t rows = 0, calls = 0;
    double seconds = 0;
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    while (batch != nullptr) {
        const auto counts = std::static_pointer_cast<arrow::Int64Array>(batch->GetColumnByName("count"));
        const auto times = std::static_pointer_cast<arrow::DoubleArray>(batch->GetColumnByName("time"));
        for (std::int64_t at = 0; at < batch->num_rows(); at++) {
            calls += counts->Value(at);
            seconds += times->Value(at);
        }
        rows += batch->num_rows();
        ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    }
    std::cout << reader->schema()->num_fields() << " columns\n"
              << rows << " rows\n"
              << calls << " calls\n"
              << seconds << " s\n";
    return arrow::Status::OK();
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: arrow INDEX\n";
        return 2;
    }
    try {
        const arrow::Status status = run(argv[1]);
        if (!status.ok()) {
            std::cerr << status.ToString() << '\n';
        }
        return status.ok() ? 0 : 1;
    } catch (const dft::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
