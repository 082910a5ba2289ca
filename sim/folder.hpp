// The card's files as the XDMA driver names them: user (registers), h2c_0, c2h_0.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

class Folder {
 public:
  // Makes the files in `path` and locks it; throws std::system_error or std::runtime_error.
  explicit Folder(const std::string &path);
  // Removes the files.
  ~Folder();

  uint32_t load(uint32_t offset) const;
  void store(uint32_t offset, uint32_t value);

  // Locks the registers against drivers.
  void lock();

  int h2c() const { return h2c_; }
  int c2h() const { return c2h_; }

 private:
  std::string path_;
  int lock_ = -1, user_ = -1, h2c_ = -1, c2h_ = -1;
  uint32_t *registers_ = nullptr;
};
