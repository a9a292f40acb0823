// Tests programs that publish while they end: in an exit() handler that was registered before or after the first use of
// the library, in the destructor of a static object, in a quick_exit() handler, and when another thread calls exit().
// None may crash, and the index must hold what was added.
//
//     exit DIRECTORY
#include <dft_utils.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

dft_aggregator *aggregator = nullptr;
std::string place;

dft_text text(const std::string &string) { return {string.data(), string.size()}; }

void failed(const char *what) {
    dft_error error{};
    error.size = sizeof error;
    dft_last_error(&error);
    std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(error.message.length), error.message.data);
    _exit(3);
}

void publish() {
    if (aggregator == nullptr) {
        return;
    }
    if (dft_aggregator_publish(aggregator, text(place), text("a program"), 1) != DFT_OK) {
        failed("publish");
    }
    dft_aggregator_free(aggregator);
    aggregator = nullptr;
}

// Constructed before main(), so it is destroyed after every handler that main() registers.
struct Tracer {
    bool publishes = false;
    ~Tracer() {
        if (publishes) {
            publish();
        }
    }
} tracer;

void use() {
    if (dft_aggregator_new(nullptr, 0, text(""), &aggregator) != DFT_OK) {
        failed("new");
    }
    dft_lines_added added{};
    added.size = sizeof added;
    const std::string line =
        "{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":5,\"dur\":1,\"ph\":\"X\"}\n";
    if (dft_aggregator_add_lines(aggregator, text(line), &added) != DFT_OK || added.records != 1) {
        failed("add");
    }
}

// Runs as a separate program that ends in one way.
int end(const std::string &way) {
    if (way == "handler before") {
        std::atexit(publish);
        use();
        return 0;
    }
    if (way == "handler after") {
        use();
        std::atexit(publish);
        return 0;
    }
    if (way == "handler before, used by other threads") {
        std::atexit(publish);
        std::thread(use).join();
        return 0;
    }
    if (way == "static object") {
        use();
        tracer.publishes = true;
        return 0;
    }
    if (way == "quick exit") {
        std::at_quick_exit(publish);
        use();
        std::quick_exit(0);
    }
    if (way == "another thread") {
        std::atexit(publish);
        use();
        std::thread([] { std::exit(0); }).join();
    }
    return 2;
}

bool has_record(const std::string &index) {
    dft_index *opened = nullptr;
    if (dft_index_open(text(index), &opened) != DFT_OK) {
        return false;
    }
    dft_index_free(opened);
    return dft_verify(text(index), nullptr, nullptr) == DFT_OK;
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 4) {
        place = argv[3];
        return end(argv[2]);
    }
    const std::string directory = argv[1];
    int passed = 0, failures = 0, number = 0;
    for (const char *way : {"handler before", "handler after", "handler before, used by other threads", "static object",
                            "quick exit", "another thread"}) {
        const std::string index = directory + "/index-" + std::to_string(number++);
        const pid_t child = fork();
        if (child == 0) {
            execl(argv[0], argv[0], "end", way, index.c_str(), static_cast<char *>(nullptr));
            _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        const bool holds = WIFEXITED(status) && WEXITSTATUS(status) == 0 && has_record(index);
        if (!holds) {
            std::fprintf(stderr, "%s: status %x\n", way, status);
        }
        ++(holds ? passed : failures);
    }
    std::printf("exit.cpp: %d passed, %d failed\n", passed, failures);
    return failures == 0 ? 0 : 1;
}
