//! Rows of the index as Arrow tables and Parquet, Arrow IPC and CSV files
