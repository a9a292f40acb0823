//! The rules of the aggregation: record to series, bucket and update
