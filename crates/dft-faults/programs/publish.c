/* Uses the C ABI to publish the lines of a trace to an index.
 *
 *     publish INDEX SOURCE LINES
 */
#include <dft_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dft_text text(const char *string) {
    dft_text text = {string, strlen(string)};
    return text;
}

static int failed(const char *what) {
    dft_error error = {.size = sizeof error};
    dft_last_error(&error);
    fprintf(stderr, "publish: %s, status %d: %.*s\n", what, (int)error.status, (int)error.message.length,
            error.message.data);
    return 1;
}

static int read_all(const char *path, char **text, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return 0;
    }
    size_t room = 1 << 16;
    *length = 0;
    *text = malloc(room);
    size_t more;
    while (*text && (more = fread(*text + *length, 1, room - *length, file)) > 0) {
        *length += more;
        if (*length == room) {
            room *= 2;
            *text = realloc(*text, room);
        }
    }
    int whole = *text && !ferror(file);
    fclose(file);
    return whole;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: publish INDEX SOURCE LINES\n");
        return 2;
    }
    char *lines = NULL;
    size_t length = 0;
    if (!read_all(argv[3], &lines, &length)) {
        fprintf(stderr, "publish: %s cannot be read\n", argv[3]);
        return 1;
    }
    dft_aggregator *aggregator = NULL;
    if (dft_aggregator_new(NULL, 0, text(""), &aggregator) != DFT_OK) {
        return failed("new");
    }
    dft_lines_added added = {.size = sizeof added};
    dft_text all = {lines, length};
    if (dft_aggregator_add_lines(aggregator, all, &added) != DFT_OK) {
        return failed("add");
    }
    if (dft_aggregator_publish(aggregator, text(argv[1]), text(argv[2]), 2) != DFT_OK) {
        return failed("finalize");
    }
    dft_aggregator_free(aggregator);
    free(lines);
    printf("published %llu records\n", (unsigned long long)added.records);
    return 0;
}
