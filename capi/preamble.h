/* libdft_utils: aggregates DFTracer traces to tables.
 *
 * This header is generated (`cargo xtask header`). These rules hold for every function:
 *
 * Status. Every function returns a dft_status: 0 (DFT_OK) is success. A code never changes its meaning and
 * is never reused. dft_last_error() describes the thread's last failed call: what failed, where, and what
 * to do. A function that fails does not change its arguments.
 *
 * Handles (dft_index *, dft_aggregator *, …) are opaque and are not addresses: never dereference one. Free
 * each once, with the function that its type names. A handle that was freed, has another type, or never was
 * a handle gives DFT_INVALID_HANDLE and has no other effect. If an object allows one thread at a time, a
 * second concurrent call gives DFT_BUSY.
 *
 * Texts are a pointer and a length: any bytes, without a terminating zero. The caller owns the texts that it
 * passes; a function reads them only during the call. The library owns the texts that a function returns;
 * the function states how long they are valid.
 *
 * Structs that start with `size` may grow: set it to sizeof the struct before the call. The library reads and
 * writes no more than that, and uses defaults for fields that an older caller does not have. `reserved` is 0.
 *
 * Requests. A call with many options takes a request, such as dft_build_request: a struct of this kind. Set `size` and
 * what the request says is needed; zeros elsewhere are the defaults: `dft_build_request request = {.size = sizeof
 * request, .traces = traces, .traces_length = 2, .index = index};`
 *
 * Buffers. A function that writes bytes takes a dft_buffer of the caller. If the bytes do not fit, it returns
 * DFT_TOO_LARGE and sets `length` to the length that is needed. There is no terminating zero.
 *
 * A pointer that is misaligned, or is NULL where NULL is not allowed, gives DFT_INVALID_ARGUMENT. The caller
 * must ensure that every pointer points to what the function's type declares.
 *
 * Callbacks receive a context of the caller and a struct, and return 0 to go on; any other result stops what calls
 * them. They run during the call that they are passed to, on the caller's thread unless the function states otherwise.
 * They must return, and must not throw.
 *
 * fork(): a child cannot use what its parent opened. In the child, a handle gives DFT_FORKED, freeing it gives
 * DFT_OK and changes nothing, and a stream fails; the child opens and builds for itself. If the parent forks while
 * another thread is in dft_build(), dft_stage(), dft_ingest(), dft_index_open(), dft_aggregator_publish() or
 * dft_aggregator_into_index(), each of these functions gives DFT_FORKED in the child, because the child has only a
 * part of the state that they need. Programs that a child executes are not affected.
 *
 * The library prints nothing, never ends the process, installs no signal handler, and lets no panic or
 * exception out. Times are in µs, sizes in bytes. Linux, 64 bits.
 */
