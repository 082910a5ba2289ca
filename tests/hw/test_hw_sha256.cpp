// mtc_sha256 against the example messages of NIST (FIPS 180-4 examples, "SHA256"), one after the
// other, with and without a receiver that hesitates, and after a message that was given up.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "Vmtc_sha256.h"
#include "check.hpp"
#include "verilated.h"

namespace {

struct Vector {
  std::string message;
  const char *digest;
};

class Bench {
 public:
  Bench() {
    context_.randReset(2);
    top_.rst_ni = 0;
    top_.flush_i = 0;
    top_.block_valid_i = 0;
    top_.hash_ready_i = 0;
    clock();
    top_.rst_ni = 1;
    clock();
  }

  // Gives `count` blocks of the padded message; returns the cycles until the last was taken.
  void give(const std::vector<uint8_t> &padded, size_t count) {
    size_t total = padded.size() / 64;
    for (size_t k = 0; k < count; k++) {
      // block_t: first (513), last (512), data in message order.
      for (int word = 0; word < 16; word++) {
        const uint8_t *at = &padded[k * 64 + 60 - 4 * word];
        top_.block_i[word] = uint32_t(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
      }
      top_.block_i[16] = (k == 0) << 1 | (k + 1 == total);
      top_.block_valid_i = 1;
      top_.eval();
      for (int i = 0; !top_.block_ready_o; i++) {
        CHECK(i < 70, "a block takes more than 70 cycles");
        clock();
      }
      clock();
      top_.block_valid_i = 0;
    }
  }

  std::string take(int hesitation) {
    for (int i = 0; !top_.hash_valid_o; i++) {
      CHECK(i < 70, "the hash does not come");
      clock();
    }
    for (int i = 0; i < hesitation; i++) {
      clock();
      CHECK(top_.hash_valid_o, "the hash did not wait");
    }
    char text[65];
    for (int word = 0; word < 8; word++)
      std::snprintf(text + 8 * word, 9, "%08x", top_.hash_o[7 - word]);
    top_.hash_ready_i = 1;
    clock();
    top_.hash_ready_i = 0;
    top_.eval();
    CHECK(!top_.hash_valid_o, "the hash came twice");
    return text;
  }

  void flush() {
    for (int i = 0; i < 20; i++) clock();
    top_.flush_i = 1;
    clock();
    top_.flush_i = 0;
  }

 private:
  void clock() {
    top_.eval();
    top_.clk_i = 1;
    top_.eval();
    top_.clk_i = 0;
    top_.eval();
  }

  VerilatedContext context_;
  Vmtc_sha256 top_{&context_};
};

std::vector<uint8_t> pad(const std::string &message) {
  std::vector<uint8_t> out(message.begin(), message.end());
  uint64_t bits = 8 * out.size();
  out.push_back(0x80);
  while (out.size() % 64 != 56) out.push_back(0);
  for (int i = 7; i >= 0; i--) out.push_back(static_cast<uint8_t>(bits >> 8 * i));
  return out;
}

}  // namespace

int main() {
  const Vector vectors[] = {
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
       "lmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  Bench bench;
  for (int hesitation : {0, 1, 100}) {
    for (const Vector &vector : vectors) {
      if (hesitation && vector.message.size() > 1000) continue;
      std::vector<uint8_t> padded = pad(vector.message);
      bench.give(padded, padded.size() / 64);
      std::string digest = bench.take(hesitation);
      CHECK(digest == vector.digest, "message of %zu bytes: %s", vector.message.size(),
            digest.c_str());
      bench.give(pad(vectors[3].message), 1);
      bench.flush();
    }
  }
  return 0;
}
