// mtc_queue of 8 words, a word in two cycles: see buffer.hpp.
#include "Vqueue.h"
#include "buffer.hpp"

int main() {
  cross({1, 2, 7, 8, 9, 100}, 100, 500,
        [](const Traffic &traffic) { words_pass<Vqueue>(traffic, 8, 2); });
  return 0;
}
