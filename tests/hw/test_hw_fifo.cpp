// mtc_fifo of 8 words, a word a cycle: see buffer.hpp.
#include "Vfifo.h"
#include "buffer.hpp"

int main() {
  cross({1, 2, 7, 8, 9, 100}, 100, 500,
        [](const Traffic &traffic) { words_pass<Vfifo>(traffic, 8, 1); });
  return 0;
}
