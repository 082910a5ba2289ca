/* mtc key test: does the key sign, always, and how fast? */
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/mtc/cli.h"
#include "app/mtc/key_object.h"

#define DEFAULT_COUNT 100
#define MAX_COUNT 1000000

struct test_options {
  struct hsm_options hsm;
  uint64_t count;
  struct mtc_mechanism_numbers numbers;
  bool json;
};

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One signature of a message that was never signed before, checked by libcrypto. */
static mtc_status sign_once(struct hsm *hsm, const struct key_object *key,
                            const struct mtc_mechanism *mechanism, uint64_t number,
                            uint64_t *out_ns, struct mtc_error *error) {
  uint8_t message[64] = "mtc key test\n";
  struct mtc_bytes signature = {0};
  if (RAND_bytes(message + 32, 32) != 1) return mtc_fail(error, MTC_NOMEM, "no random bytes");
  struct mtc_span span = mtc_span_of(message, sizeof message);
  uint64_t start = now_ns();
  mtc_status status = mtc_raw_token_sign(&hsm->raw, mechanism, key->private_key, &hsm->pin, span,
                                         &signature, error);
  *out_ns = now_ns() - start;
  if (!status && mtc_signature_verify(mechanism->algorithm, mtc_span_of_bytes(&key->spki), span,
                                      mtc_span_of_bytes(&signature)))
    status = mtc_fail(error, MTC_TOKEN,
                      "the signature does not verify under the token's own "
                      "public key");
  mtc_bytes_free(&signature);
  return status ? mtc_fail_within(error, status, "signature %" PRIu64, number + 1) : MTC_OK;
}

static int compare(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static void print(const struct test_options *options, const struct key_object *key,
                  uint64_t *times) {
  uint64_t count = options->count;
  qsort(times, count, sizeof *times, compare);
  /* The smallest that so many in a hundred do not exceed. */
  uint64_t middle = (count - 1) / 2, high = (count - 1) * 99 / 100;
  double min = (double)times[0] / 1e6, p50 = (double)times[middle] / 1e6;
  double p99 = (double)times[high] / 1e6, max = (double)times[count - 1] / 1e6;
  const char *name = mtc_algorithm_name(key->mechanism->algorithm);
  if (options->json) {
    cli_print_json(json_pack("{sssIsfsfsfsf}", "algorithm", name, "signatures", (json_int_t)count,
                             "min_ms", min, "p50_ms", p50, "p99_ms", p99, "max_ms", max));
  } else {
    (void)printf("%" PRIu64
                 " signatures with %s, all verified by libcrypto\n"
                 "min %.3f ms, p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
                 count, name, min, p50, p99, max);
  }
}

static mtc_status test(const struct test_options *options, struct hsm *hsm,
                       struct mtc_error *error) {
  struct key_object key;
  uint64_t *times = mtc_alloc(options->count, sizeof *times);
  mtc_status status = key_object_find(hsm, &key, error);
  if (!status && !times) status = mtc_fail(error, MTC_NOMEM, "out of memory");
  if (!status && !key.mechanism)
    status = mtc_fail(error, MTC_TOKEN,
                      "the token has no public key for it that libcrypto could verify under");
  struct mtc_mechanism mechanism = {0};
  if (!status) mechanism = mtc_mechanism_override(key.mechanism, &options->numbers);
  for (uint64_t i = 0; !status && i < options->count; i++)
    status = sign_once(hsm, &key, &mechanism, i, &times[i], error);
  if (!status) print(options, &key, times);
  mtc_free(times);
  key_object_free(&key);
  return status;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option long_options[] = {KEY_LONG_OPTIONS,
                                               {"count", required_argument, NULL, 'n'},
                                               {"sign-mechanism", required_argument, NULL, 's'},
                                               {"json", no_argument, NULL, 'j'},
                                               {0}};
  struct test_options options = {.count = DEFAULT_COUNT};
  struct hsm hsm = {0};
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, long_options)) != -1;) {
    if (key_option(option, optarg, &options.hsm)) continue;
    if (option == 'j') {
      options.json = true;
    } else if (option == 'n') {
      if (!mtc_parse_decimal(mtc_span_of_text(optarg), MAX_COUNT, &options.count) ||
          options.count == 0)
        return cli_usage(command, "--count: 1 to 1000000 are allowed");
    } else if (option == 's') {
      if (!mtc_mechanism_parse_number(optarg, &options.numbers.sign))
        return cli_usage(command, "--sign-mechanism is no number (0x1D, 29)");
    } else {
      return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (optind != argc || !options.hsm.uri)
    return cli_usage(command, "--uri is needed, and no arguments beside the options");
  mtc_status status = hsm_open(&options.hsm, &hsm, &error);
  if (!status) status = hsm_log_in(&hsm, &error);
  if (!status) status = test(&options, &hsm, &error);
  hsm_close(&hsm);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_test = {
    "key",
    "test",
    "mtc key test " KEY_USAGE
    "\n"
    "         [--count N] [--sign-mechanism NUMBER] [--json]",
    "sign with a key, verify, and say how long it took",
    "Signs N messages one after another, verifies each with libcrypto under the token's public "
    "key\n"
    "and prints the shortest time, the median, the 99th percentile and the longest. Fails at the\n"
    "first signature that is not one.\n"
    "\n" KEY_HELP
    "  --count           100 unless given\n"
    "  --sign-mechanism  a vendor's number for the signing mechanism\n",
    run};
