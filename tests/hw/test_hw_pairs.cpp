// mtc_pairs of 8 pairs, a pair in five cycles: see buffer.hpp.
#include "Vpairs.h"
#include "buffer.hpp"

int main() {
  cross({1, 2, 7, 8, 9, 100}, 100, 500,
        [](const Traffic &traffic) { words_pass<Vpairs>(traffic, 8, 5, true); });
  return 0;
}
