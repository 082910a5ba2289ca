#include "folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "top.hpp"

namespace {

[[noreturn]] void fail(const std::string &what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Both ends are held open for reading and writing: bytes outlive a driver that dies, and poll
// sleeps while no driver is there.
int make_fifo(const std::string &path) {
  // What a killed mtc-sim left behind may still be open in a driver: a new file is a new card.
  if (unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot remove " + path);
  if (mkfifo(path.c_str(), 0600) != 0) fail("cannot make " + path);
  int fd = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("cannot open " + path);
  return fd;
}

// Before the FIFOs, with which it is read.
void write_dma(const std::string &path, const std::string &text) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot remove " + path);
  if (text.empty()) return;
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) close(fd);
  if (!written) fail("cannot write " + path);
}

}  // namespace

Folder::Folder(const std::string &path, unsigned lanes, const std::string &dma)
    : path_(path), lanes_(lanes) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot make folder " + path);
  lock_ = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) fail("cannot open folder " + path);
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) throw std::runtime_error(path + " is in use by another mtc-sim");
    fail("cannot lock " + path);
  }
  std::string user = path + "/user";
  if (unlink(user.c_str()) != 0 && errno != ENOENT) fail("cannot remove " + user);
  user_ = open(user.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (user_ < 0) fail("cannot make " + user);
  if (ftruncate(user_, lanes * kLanePages) != 0) fail("cannot size " + user);
  void *memory = mmap(nullptr, lanes * kLanePages, PROT_READ | PROT_WRITE, MAP_SHARED, user_, 0);
  if (memory == MAP_FAILED) fail("cannot map " + user);
  registers_ = static_cast<uint32_t *>(memory);
  write_dma(path + "/dma", dma);
  for (unsigned i = 0; i < lanes; i++) {
    h2c_.push_back(make_fifo(path + "/h2c_" + std::to_string(i)));
    c2h_.push_back(make_fifo(path + "/c2h_" + std::to_string(i)));
  }
}

Folder::~Folder() {
  unlink((path_ + "/user").c_str());
  unlink((path_ + "/dma").c_str());
  for (unsigned i = 0; i < lanes_; i++) {
    unlink((path_ + "/h2c_" + std::to_string(i)).c_str());
    unlink((path_ + "/c2h_" + std::to_string(i)).c_str());
    close(h2c_[i]);
    close(c2h_[i]);
  }
  munmap(registers_, lanes_ * kLanePages);
  close(user_);
  close(lock_);
}

uint32_t Folder::load(unsigned lane, uint32_t offset) const {
  return __atomic_load_n(&registers_[(lane * kLanePages + offset) / 4], __ATOMIC_ACQUIRE);
}

void Folder::store(unsigned lane, uint32_t offset, uint32_t value) {
  __atomic_store_n(&registers_[(lane * kLanePages + offset) / 4], value, __ATOMIC_RELEASE);
}

void Folder::lock() {
  if (flock(user_, LOCK_EX | LOCK_NB) != 0) fail("cannot lock " + path_ + "/user");
}
