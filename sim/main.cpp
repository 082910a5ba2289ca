// mtc-sim --path DIR: the card as a process.
//
// DIR/user is the register file (for each lane a page the card owns and a page the host owns),
// DIR/h2c_<lane> and DIR/c2h_<lane> are the streams. "ready" on standard output says that they may
// be opened. The model works in slices of cycles (card.hpp); it sleeps when the core has nothing to
// do.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "card.hpp"
#include "folder.hpp"
#include "options.hpp"

namespace {

constexpr int kLongestSleepMs = 20;

volatile sig_atomic_t stopped = 0;

void stop(int) { stopped = 1; }

int run(Options &options) {
  sigset_t blocked, unblocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, &unblocked);
  struct sigaction action = {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  Folder folder(options.path, options.lanes, options.dma());
  if (options.faults.busy()) folder.lock();
  Card card(folder, options);
  puts("ready");
  fflush(stdout);
  // Whoever started us may read no more; what Verilator says of an assertion belongs there anyhow.
  dup2(STDERR_FILENO, STDOUT_FILENO);

  int sleep_ms = 1;
  while (!stopped) {
    if (card.dies()) _exit(9);
    if (card.vanishes()) {
      card.hide();
      while (!stopped) sigsuspend(&unblocked);
      break;
    }
    if (card.step()) {
      sleep_ms = 1;
      // The signals are blocked but while sleeping: let them in.
      sigprocmask(SIG_SETMASK, &unblocked, nullptr);
      sigprocmask(SIG_BLOCK, &blocked, nullptr);
    } else {
      card.sleep(sleep_ms, &unblocked);
      sleep_ms = std::min(2 * sleep_ms, kLongestSleepMs);
    }
  }
  card.end_trace("mtc-sim was stopped");
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  int result = parse_options(argc, argv, &options);
  if (result >= 0) return result;
  try {
    return run(options);
  } catch (const std::exception &error) {
    fprintf(stderr, "mtc-sim: %s\n", error.what());
    return 1;
  }
}
