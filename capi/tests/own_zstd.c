/* Tests a program that defines functions with the names of zstd's and RocksDB's: it links, and the program and the
 * library each call their own. Argument: an empty directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static int called;

size_t ZSTD_compress(void *to, size_t room, const void *from, size_t length, int level);
size_t ZSTD_compressCCtx(void *context, void *to, size_t room, const void *from, size_t length, int level);
size_t ZSTD_compress2(void *context, void *to, size_t room, const void *from, size_t length);
size_t ZSTD_decompress(void *to, size_t room, const void *from, size_t length);
size_t ZSTD_decompressDCtx(void *context, void *to, size_t room, const void *from, size_t length);
unsigned ZSTD_isError(size_t code);
void *rocksdb_options_create(void);

size_t ZSTD_compress(void *to, size_t room, const void *from, size_t length, int level) {
    (void)to, (void)room, (void)from, (void)length, (void)level;
    called++;
    return 4711;
}

size_t ZSTD_compressCCtx(void *context, void *to, size_t room, const void *from, size_t length, int level) {
    (void)context;
    return ZSTD_compress(to, room, from, length, level);
}

size_t ZSTD_compress2(void *context, void *to, size_t room, const void *from, size_t length) {
    (void)context;
    return ZSTD_compress(to, room, from, length, 0);
}

size_t ZSTD_decompress(void *to, size_t room, const void *from, size_t length) {
    return ZSTD_compress(to, room, from, length, 0);
}

size_t ZSTD_decompressDCtx(void *context, void *to, size_t room, const void *from, size_t length) {
    (void)context;
    return ZSTD_compress(to, room, from, length, 0);
}

unsigned ZSTD_isError(size_t code) {
    called++;
    return code == 0;
}

void *rocksdb_options_create(void) {
    called++;
    return NULL;
}

/* Publishing compresses rows. */
static void publish(const char *path, const char *source) {
    dft_aggregator *aggregator = NULL;
    CHECK(dft_aggregator_new(NULL, 0, text(""), &aggregator) == DFT_OK);
    for (int at = 0; at < 20000; at++) {
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE, .ts_us = at * 100000};
        record.name = text("read");
        record.category = text("POSIX");
        record.pid = at % 100;
        CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
    }
    CHECK(dft_aggregator_publish(aggregator, text(path), text(source), 2) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_OK);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    char path[2048];
    snprintf(path, sizeof path, "%s/index", argv[1]);
    publish(path, "one");
    publish(path, "other");
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path), &index) == DFT_OK);
    CHECK(count_calls(index) == 40000);
    CHECK(dft_index_free(index) == DFT_OK);
    CHECK(called == 0);
    CHECK(ZSTD_compress(NULL, 0, NULL, 0, 0) == 4711 && called == 1);
    printf("own_zstd: passed\n");
    return 0;
}
