// A check that ends the test with the place and the condition if it does not hold.
#pragma once

#include <cstdlib>
#include <iostream>

#define CHECK(...)                                                                            \
    do {                                                                                      \
        if (!(__VA_ARGS__)) {                                                                 \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " #__VA_ARGS__ " does not hold\n"; \
            std::exit(1);                                                                     \
        }                                                                                     \
    } while (0)
