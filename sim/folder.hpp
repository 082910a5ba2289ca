// The card's files as the XDMA driver names them: user (registers of all lanes), h2c_i, c2h_i.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

class Folder {
 public:
  // Makes the files in `path` and locks it; throws std::system_error or std::runtime_error. `dma`,
  // unless it is empty, is for xdma.c: the text of a file of that name.
  Folder(const std::string &path, unsigned lanes, const std::string &dma);
  // Removes the files.
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  uint32_t load(unsigned lane, uint32_t offset) const;
  void store(unsigned lane, uint32_t offset, uint32_t value);

  // Locks the registers against drivers.
  void lock();

  unsigned lanes() const { return lanes_; }
  int h2c(unsigned lane) const { return h2c_[lane]; }
  int c2h(unsigned lane) const { return c2h_[lane]; }

 private:
  std::string path_;
  unsigned lanes_;
  int lock_ = -1, user_ = -1;
  std::vector<int> h2c_, c2h_;
  uint32_t *registers_ = nullptr;
};
