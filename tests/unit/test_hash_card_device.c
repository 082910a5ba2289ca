/* The driver on the XDMA driver's character devices, which sim/xdma.c (linked in here) plays before
 * the model's FIFOs: what they refuse, and how they fail. */
#include <errno.h>
#include <fcntl.h>

#include "card_fixture.h"
#include "mtc/runtime.h"

#define NUM_BATCHES 100u
#define NUM_ENTRIES 70u

static void run_batch(struct mtc_hasher *card, struct mtc_hasher *cpu, unsigned number) {
  static uint8_t bytes[2 * NUM_ENTRIES];
  struct mtc_frontier frontier = {0};
  struct mtc_span entries[NUM_ENTRIES];
  struct mtc_hash_result found, expected;
  size_t total = 0;
  for (unsigned i = 0; i < NUM_ENTRIES; i++) {
    bytes[i] = (uint8_t)(number * 7 + i);
    entries[i] = mtc_span_of(bytes + i, 1 + (number + i) % NUM_ENTRIES);
  }
  const struct mtc_hash_job job = {&frontier, entries, NUM_ENTRIES};
  assert_int_equal(mtc_hasher_run(card, &job, &found, NULL), MTC_OK);
  assert_int_equal(mtc_hasher_run(cpu, &job, &expected, NULL), MTC_OK);
  for (unsigned level = 0; level < MTC_LEVELS; level++)
    total += expected.num_nodes[level];
  assert_memory_equal(found.storage, expected.storage, total * sizeof *found.storage);
  mtc_hash_result_free(&found);
  mtc_hash_result_free(&expected);
}

/* All batches are right whatever happens; `reason` is why the card went, NULL that it did not. */
static void run_case(const char *sim_options, const char *reason) {
  struct sim sim;
  struct mtc_hasher *card = NULL, *cpu = NULL;
  struct mtc_error error = {""};
  start_sim_options(&sim, sim_options);
  const struct mtc_card_options options = {.path = sim.path, .timeout_ms = 20000};
  if (mtc_hasher_open_card(&options, &card, &error)) fail_msg("%s: %s", sim_options, error.text);
  assert_int_equal(mtc_hasher_open_cpu(&cpu), MTC_OK);
  for (unsigned i = 0; i < NUM_BATCHES; i++)
    run_batch(card, cpu, i);
  struct mtc_hash_stats stats = stats_of(card);
  assert_true(stats.num_card_batches > 0);
  if (!reason && !stats.card_in_service) fail_msg("%s: %s", sim_options, stats.card_fault);
  if (reason && !strstr(stats.card_fault, reason))
    fail_msg("%s: \"%s\" lacks \"%s\"", sim_options, stats.card_fault, reason);
  mtc_hasher_close(cpu);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void transfers_are_aligned(void **state) {
  (void)state;
  run_case("", NULL);
  run_case("--dma-split 64", NULL);
  run_case("--dma-align 64 --dma-split 4032", NULL);
  run_case("--dma-split 1984 --fault short --idle 20 --stall 20", NULL);
}

static void a_refused_transfer_has_its_cause(void **state) {
  (void)state;
  run_case("--fault refuse-h2c:20", "writing to the card: Invalid argument");
  run_case("--fault refuse-c2h:60", "reading from the card: Invalid argument");
}

static void a_time_out_has_its_cause(void **state) {
  (void)state;
  run_case("--dma-timeout 200 --fault timeout-h2c:20", "writing to the card: Connection timed out");
  run_case("--dma-timeout 200 --fault timeout-c2h:60",
           "reading from the card: Connection timed out");
  run_case("--dma-timeout 200 --fault drop-frame:61",
           "reading from the card: Connection timed out");
  /* The rest of a transfer that was cut goes on. */
  run_case("--dma-timeout 200 --fault cut-h2c:20", NULL);
  run_case("--dma-timeout 200 --fault cut-c2h:60", NULL);
}

static void a_record_is_lost(void **state) {
  (void)state;
  run_case("--fault lose-record:2000", "padding in the place of a record");
  run_case("--fault lose-record:2001", "padding in the place of a record");
}

static void a_busy_device_has_its_cause(void **state) {
  (void)state;
  struct sim sim;
  struct mtc_hasher *card = NULL;
  struct mtc_error error = {""};
  char path[80];
  start_sim(&sim, NULL);
  (void)snprintf(path, sizeof path, "%s/c2h_0", sim.path);
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  assert_true(fd >= 0);
  const struct mtc_card_options options = {.path = sim.path, .timeout_ms = 3000};
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "Device or resource busy"));
  assert_int_equal(close(fd), 0);
  assert_int_equal(mtc_hasher_open_card(&options, &card, &error), MTC_OK);
  mtc_hasher_close(card);
  stop_sim(&sim);
  /* Another process has it; the next time it has not. */
  start_sim(&sim, "busy-h2c:1");
  const struct mtc_card_options again = {.path = sim.path, .timeout_ms = 3000};
  assert_int_equal(mtc_hasher_open_card(&again, &card, &error), MTC_DEVICE);
  assert_non_null(strstr(error.text, "Device or resource busy"));
  assert_int_equal(mtc_hasher_open_card(&again, &card, &error), MTC_OK);
  mtc_hasher_close(card);
  stop_sim(&sim);
}

static void what_is_not_aligned_is_refused(void **state) {
  (void)state;
  struct sim sim;
  char path[80];
  static _Alignas(4096) uint8_t buffer[8192];
  start_sim_options(&sim, "--dma-align 64");
  (void)snprintf(path, sizeof path, "%s/c2h_0", sim.path);
  int c2h = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  (void)snprintf(path, sizeof path, "%s/h2c_0", sim.path);
  int h2c = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  assert_true(c2h >= 0 && h2c >= 0);
  static const struct {
    size_t offset, len;
  } reads[] = {{64, 4096}, {2048, 2048}, {0, 63}}, writes[] = {{32, 64}, {64, 65}, {1, 4096}};
  for (size_t i = 0; i < 3; i++) {
    errno = 0;
    assert_int_equal(read(c2h, buffer + reads[i].offset, reads[i].len), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(write(h2c, buffer + writes[i].offset, writes[i].len), -1);
    assert_int_equal(errno, EINVAL);
  }
  assert_int_equal(write(h2c, buffer + 64, 128), 128); /* discarded: no session */
  assert_int_equal(close(c2h), 0);
  assert_int_equal(close(h2c), 0);
  stop_sim(&sim);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transfers_are_aligned),
      cmocka_unit_test(what_is_not_aligned_is_refused),
      cmocka_unit_test(a_busy_device_has_its_cause),
      cmocka_unit_test(a_refused_transfer_has_its_cause),
      cmocka_unit_test(a_time_out_has_its_cause),
      cmocka_unit_test(a_record_is_lost),
  };
  if (!has_sim()) return SKIPPED;
  mtc_log_init("test_hash_card_device", MTC_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
