#include "trace.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace {

constexpr uint64_t kNsPerCycle = 4;
// Types of an FST file's blocks: its header, and the two of its last part.
constexpr int kHeader = 0, kGeometry = 3, kNames = 6;

[[noreturn]] void fail(const std::string &what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// What is there already is written over, but only where it may be an earlier waveform.
void remove_old(const std::string &path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) fail("cannot write the waveform " + path);
    return;
  }
  if (!S_ISREG(info.st_mode))
    throw std::runtime_error("cannot write the waveform " + path + ": it is not a regular file");
  if (unlink(path.c_str()) != 0) fail("cannot remove " + path);
}

// The writer looks at the result of no write: whether all are in the file is seen by its blocks,
// each a type and a length (8 bytes, high byte first) that counts itself, from one to the next.
bool is_complete(const std::string &path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info;
  unsigned char head[9];
  unsigned found = 0;
  off_t at = 0;
  if (fd < 0 || fstat(fd, &info) != 0) info.st_size = -1;
  while (at < info.st_size && pread(fd, head, sizeof head, at) == sizeof head) {
    uint64_t len = 0;
    for (int i = 1; i < 9; i++) len = len << 8 | head[i];
    if (head[0] > 8 || len < 8 || len > static_cast<uint64_t>(info.st_size - at)) break;
    found |= 1u << head[0];
    at += 1 + static_cast<off_t>(len);
  }
  if (fd >= 0) close(fd);
  constexpr unsigned kAll = 1u << kHeader | 1u << kGeometry | 1u << kNames;
  return at == info.st_size && (found & kAll) == kAll;
}

// The writer maps its temporary files; one that got no room is seen only by this signal.
void end_without_room(int) {
  static const char text[] =
      "mtc-sim: cannot write the waveform: no room for its temporary files in /tmp\n";
  ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(written < 0 ? 2 : 1);
}

}  // namespace

std::string TraceOptions::older() const {
  return path.substr(0, path.size() - std::strlen(".fst")) + ".older.fst";
}

void Trace::start() {
  struct sigaction action = {};
  // A write beyond a limit shall fail, not end the program.
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
  action.sa_handler = end_without_room;
  sigaction(SIGBUS, &action, nullptr);
  fst_.set_time_unit("1ns");
  fst_.set_time_resolution("1ns");
  // The older one of an earlier run is not of this one.
  remove_old(options_.older());
  open();
}

void Trace::open() {
  remove_old(options_.path);
  remove_old(options_.path + ".hier");
  // The writer does not say why it cannot.
  int fd = ::open(options_.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) fail("cannot write the waveform " + options_.path);
  ::close(fd);
  fst_.open(options_.path.c_str());
  if (!fst_.isOpen())
    throw std::runtime_error("cannot write the waveform " + options_.path +
                             ": its temporary files in /tmp cannot be made, or there is no memory");
  first_ = cycle_;
}

void Trace::close() {
  fst_.close();
  if (!is_complete(options_.path))
    throw std::runtime_error("the waveform " + options_.path +
                             " is not complete: its disk is full, or it is larger than allowed");
}

Trace::~Trace() {
  if (fst_.isOpen()) fst_.close();
}

void Trace::low() {
  if (over_) return;
  if (cycle_ - first_ == options_.cycles) {
    close();
    if (rename(options_.path.c_str(), options_.older().c_str()) != 0)
      fail("cannot rename the waveform " + options_.path);
    kept_ = options_.cycles;
    open();
  }
  fst_.dump(kNsPerCycle * cycle_);
}

void Trace::high() {
  bool failed = context_.gotError();
  if (!over_) fst_.dump(kNsPerCycle * cycle_ + kNsPerCycle / 2);
  cycle_++;
  if (!failed) return;
  std::string text = "an assertion of the core failed in cycle " + std::to_string(cycle_ - 1);
  end(text);
  throw std::runtime_error(text);
}

void Trace::end(const std::string &why) {
  if (over_) return;
  over_ = true;
  close();
  std::string text =
      options_.path + " has cycles " + std::to_string(first_) + " to " + std::to_string(cycle_ - 1);
  if (kept_)
    text += ", " + options_.older() + " those from " + std::to_string(first_ - kept_) + " on";
  fprintf(stderr, "mtc-sim: the waveform ends (%s): %s; cycle N begins at %llu N ns\n", why.c_str(),
          text.c_str(), static_cast<unsigned long long>(kNsPerCycle));
}
