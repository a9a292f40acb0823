/* What the C test programs share. A program that must not run its exit handlers defines CHECK_EXIT as _exit first. */
#ifndef DFT_TESTS_CHECK_H
#define DFT_TESTS_CHECK_H

#include <dft_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CHECK_EXIT
#define CHECK_EXIT exit
#endif

/* Ends the program if a condition does not hold. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dft_error last = {.size = sizeof last};                                                                    \
            dft_last_error(&last);                                                                                     \
            fprintf(stderr, "%s:%d: %s; last error: %.*s\n", __FILE__, __LINE__, #condition, (int)last.message.length, \
                    last.message.data);                                                                                \
            CHECK_EXIT(1);                                                                                             \
        }                                                                                                              \
    } while (0)

static inline dft_text text(const char *string) {
    dft_text text = {string, strlen(string)};
    return text;
}

/* Counts the calls in an index. */
static inline uint64_t count_calls(const dft_index *index) {
    dft_rows *rows = NULL;
    CHECK(dft_rows_open(index, NULL, &rows) == DFT_OK);
    dft_row row = {.size = sizeof row};
    uint32_t has_row = 0;
    uint64_t calls = 0;
    while (dft_rows_next(rows, &row, &has_row) == DFT_OK && has_row) {
        calls += row.decoded.count;
    }
    CHECK(dft_rows_free(rows) == DFT_OK);
    return calls;
}

#endif
