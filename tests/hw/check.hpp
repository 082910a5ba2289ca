// Checks of the benches: a failed one says where, and for which seed, and ends the program.
#pragma once
#include <cstdio>
#include <cstdlib>

inline int check_seed = -1;  // of what runs; none by -1

#define CHECK(condition, ...)                                              \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                   \
      if (check_seed >= 0) std::fprintf(stderr, " (seed %d)", check_seed); \
      std::fputc('\n', stderr);                                            \
      std::exit(1);                                                        \
    }                                                                      \
  } while (0)
