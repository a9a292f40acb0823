/* libdft_utils: DFTracer traces to aggregated tables.
 *
 * This header is generated (`cargo xtask header`). These rules hold for every function:
 *
 * Status. Every function returns a dft_status: 0 (DFT_OK) is success. Codes keep their meaning for ever,
 * and none is used again for another. dft_last_error() says more about the last call of the thread that
 * failed: what, where, and what to do. A function that fails changes nothing that it was given.
 *
 * Handles (dft_index *, dft_aggregator *, …) are opaque, and no addresses: never look into one. Each is
 * freed by the function that its type names, once; a handle that was freed, or is of another type, or
 * never was one, gives DFT_INVALID_HANDLE and nothing else. An object that is for one thread at a time
 * gives DFT_BUSY to a second one meanwhile.
 *
 * Texts are a pointer and a length: any bytes, with no zero at the end. Those that are given to a function
 * are the caller's, and only read during the call. Those that a function gives are the library's, and
 * valid for as long as it says.
 *
 * Structs that start with `size` grow: set it to sizeof the struct before the call. The library reads and
 * writes no more than that, and what an older caller does not know of is as by default. `reserved` is 0.
 *
 * Pointers that must not be NULL, or are misaligned, give DFT_INVALID_ARGUMENT. That they point to what
 * the function's type says is the caller's word.
 *
 * Callbacks are called during the call that they were given to, on the caller's thread unless it says
 * otherwise. They must return, and must not throw.
 *
 * fork(): what a process has opened is not its child's. There a handle gives DFT_FORKED, freeing it is DFT_OK and
 * changes nothing, and a stream fails; the child opens and builds for itself. A child that is made while another
 * thread is in dft_build(), dft_stage(), dft_ingest(), dft_index_open(), dft_aggregator_publish() or
 * dft_aggregator_into_index() gets DFT_FORKED from each of them, for a child has only a part of what they work with.
 * Programs that a child executes are not concerned.
 *
 * The library prints nothing, never ends the process, installs no signal handler, and lets no panic or
 * exception out. Times are in µs, sizes in bytes. Linux, 64 bits.
 */
