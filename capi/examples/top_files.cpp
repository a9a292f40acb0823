// Opens an index and prints the files with the most bytes read and written.
//
//     top_files INDEX
#include <dft_utils.hpp>

#include <algorithm>
#include <iostream>
#include <map>

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: top_files INDEX\n";
        return 2;
    }
    try {
        const dft::Index index(argv[1]);
        std::map<std::string, std::int64_t> bytes;
        for (const dft::Row &row : index.rows()) {
            if (const auto sizes = row.bytes()) {
                bytes[std::string(row.file_hash())] += sizes->sum().value_or(0);
            }
        }
        std::vector<std::pair<std::int64_t, std::string>> files;
        for (const auto &[hash, sum] : bytes) {
            const std::string name = index.name(DFT_NAMES_FILE, hash);
            files.emplace_back(sum, name.empty() ? "(unnamed " + hash + ")" : name);
        }
        std::sort(files.rbegin(), files.rend());
        for (std::size_t at = 0; at < std::min<std::size_t>(files.size(), 10); at++) {
            std::cout << files[at].first << ' ' << files[at].second << '\n';
        }
    } catch (const dft::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
