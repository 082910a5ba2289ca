/*
 * mtc-read-fst FILE [CLOCK VALID READY]: says what a waveform has; fails when it is no complete
 * one, or when the signals, whose names have their scopes before them, are not all there.
 */
#include "support/fst.h"

int main(int argc, char **argv) {
  static const char *const top[] = {"TOP.clk_i", "TOP.h2c_tvalid_i [0:0]",
                                    "TOP.h2c_tready_o [0:0]"};
  struct fst fst;
  if (argc != 2 && argc != 5) {
    (void)fprintf(stderr, "usage: mtc-read-fst FILE [CLOCK VALID READY]\n");
    return 2;
  }
  const char *const given[] = {argv[2], argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL};
  if (!fst_read(&fst, argv[1], argc == 5 ? given : top)) {
    (void)fprintf(stderr, "mtc-read-fst: %s is no complete waveform\n", argv[1]);
    return 1;
  }
  (void)printf(
      "signals=%llu scopes=%llu start=%llu end=%llu rises=%llu first_rise=%llu "
      "last_rise=%llu beats=%llu\n",
      (unsigned long long)fst.num_signals, (unsigned long long)fst.num_scopes,
      (unsigned long long)fst.start, (unsigned long long)fst.end, (unsigned long long)fst.num_rises,
      (unsigned long long)fst.first_rise, (unsigned long long)fst.last_rise,
      (unsigned long long)fst.num_beats);
  if (fst.found == FST_SIGNALS) return 0;
  (void)fprintf(stderr, "mtc-read-fst: only %u of the signals are there\n", fst.found);
  return 1;
}
