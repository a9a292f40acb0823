//! The aggregated index in RocksDB
