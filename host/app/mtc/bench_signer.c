/* mtc bench signer: how the engine fares with the signer it has, under a given load. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/mtc/bench_load.h"
#include "app/mtc/cli.h"

#define SAMPLE_MS 50
#define SIGNATURES_PER_BATCH 3 /* at most: the checkpoint and two covering subtrees */

/* What the daemon counts, before and after; and how long its queue was in between. */
struct watch {
  const char *socket;
  struct mtc_rpc_client *client;
  json_t *before, *after;
  atomic_bool is_over;
  pthread_t thread;
  bool has_thread;
  json_int_t max_waiting, sum_waiting, num_samples;
  mtc_status status;
  struct mtc_error error;
};

struct result {
  double p50_ms, p90_ms, p99_ms, p999_ms, max_ms;
  double issued_per_s, seconds;
  uint64_t num_issued;
  double batches, entries, signatures, failures;
  double num_processes, sign_ms, possible_per_s, busy; /* of the signer */
};

static double number_at(const json_t *object, const char *group, const char *key) {
  return json_number_value(json_object_get(json_object_get(object, group), key));
}

static double grown(const struct watch *watch, const char *group, const char *key) {
  return number_at(watch->after, group, key) - number_at(watch->before, group, key);
}

static double state_ms(const struct watch *watch, const char *state) {
  const json_t *before = json_object_get(watch->before, "engine");
  const json_t *after = json_object_get(watch->after, "engine");
  return (number_at(after, "state_us", state) - number_at(before, "state_us", state)) / 1000;
}

/* Of all tokens: the time that signatures took, or how many processes there are for them. */
static double of_tokens(const json_t *status, const char *group, const char *key) {
  double sum = 0;
  size_t i;
  json_t *token;
  json_array_foreach(json_object_get(json_object_get(status, "signer"), "tokens"), i, token) {
    const json_t *from = group ? json_object_get(token, group) : token;
    sum += json_number_value(json_object_get(from, key));
  }
  return sum;
}

static void *watch_queue(void *context) {
  struct watch *watch = context;
  const struct timespec pause = {.tv_nsec = SAMPLE_MS * 1000000L};
  while (!watch->status && !atomic_load(&watch->is_over)) {
    json_t *status = NULL;
    watch->status = cli_read_status(watch->client, &status, &watch->error);
    json_int_t waiting = (json_int_t)number_at(status, "engine", "waiting");
    if (waiting > watch->max_waiting) watch->max_waiting = waiting;
    watch->sum_waiting += waiting;
    watch->num_samples++;
    json_decref(status);
    (void)nanosleep(&pause, NULL);
  }
  return NULL;
}

static void start_watch(void *context) {
  struct watch *watch = context;
  watch->status = cli_connect(watch->socket, &watch->client, &watch->error);
  if (!watch->status) watch->status = cli_read_status(watch->client, &watch->before, &watch->error);
  if (watch->status) return;
  watch->has_thread = pthread_create(&watch->thread, NULL, watch_queue, watch) == 0;
  if (!watch->has_thread)
    watch->status = mtc_fail(&watch->error, MTC_NOMEM, "a thread cannot be started");
}

static mtc_status end_watch(struct watch *watch, struct mtc_error *error) {
  atomic_store(&watch->is_over, true);
  if (watch->has_thread) (void)pthread_join(watch->thread, NULL);
  if (watch->has_thread && !watch->status)
    watch->status = cli_read_status(watch->client, &watch->after, &watch->error);
  return watch->status ? mtc_fail(error, watch->status, "%s", watch->error.text) : MTC_OK;
}

static int compare_latency(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static int compare_serial(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static double percentile_ms(const uint32_t *sorted, uint64_t num, double share) {
  if (!num) return 0;
  uint64_t at = (uint64_t)(share * (double)num);
  return sorted[at < num ? at : num - 1] / 1000.0;
}

/* Two requests with one index would make every other figure worthless. */
static mtc_status check_serials(struct bench_load *load, struct mtc_error *error) {
  qsort(load->serials, load->num_requests, sizeof *load->serials, compare_serial);
  for (uint32_t i = load->num_refused + 1; i < load->num_requests; i++) {
    if (load->serials[i] == load->serials[i - 1])
      return mtc_fail(error, MTC_CORRUPT, "serial %llu was given twice",
                      (unsigned long long)load->serials[i]);
  }
  return MTC_OK;
}

static double ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

static void evaluate(struct bench_load *load, const struct watch *watch, struct result *out) {
  /* Refused requests have latency 0 and come first. */
  qsort(load->latency_us, load->num_requests, sizeof *load->latency_us, compare_latency);
  const uint32_t *sorted = load->latency_us + load->num_refused;
  uint64_t num = load->num_requests - load->num_refused;
  *out = (struct result){.p50_ms = percentile_ms(sorted, num, 0.5),
                         .p90_ms = percentile_ms(sorted, num, 0.9),
                         .p99_ms = percentile_ms(sorted, num, 0.99),
                         .p999_ms = percentile_ms(sorted, num, 0.999),
                         .max_ms = percentile_ms(sorted, num, 1),
                         .seconds = (double)load->duration_us / 1e6,
                         .num_issued = num,
                         .batches = grown(watch, "engine", "batches"),
                         .entries = grown(watch, "engine", "entries"),
                         .signatures = grown(watch, "signer", "signatures"),
                         .failures = grown(watch, "signer", "failures")};
  out->issued_per_s = (double)num / out->seconds;
  double signing_ms = (of_tokens(watch->after, "latency", "total_us") -
                       of_tokens(watch->before, "latency", "total_us")) /
                      1000;
  out->num_processes = of_tokens(watch->after, NULL, "processes");
  out->sign_ms = ratio(signing_ms, out->signatures);
  out->possible_per_s = ratio(1000 * out->num_processes, out->sign_ms);
  out->busy = ratio(signing_ms / 1000, out->seconds * out->num_processes);
}

static json_t *states_object(const struct watch *watch, double batches) {
  static const char *const names[] = {"seal",   "hash",    "stage",  "sign",
                                      "commit", "publish", "cosign", "certify"};
  json_t *states = json_object();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    (void)json_object_set_new(states, names[i],
                              json_real(ratio(state_ms(watch, names[i]), batches)));
  return states;
}

static json_t *result_object(const struct bench_load *load, const struct watch *watch,
                             const struct result *result) {
  json_t *object = json_pack(
      "{s:i, s:f, s:f, s:I, s:I, s:{s:f, s:f, s:f, s:f, s:f}}", "offered_per_s",
      (int)load->rate_per_s, "issued_per_s", result->issued_per_s, "seconds", result->seconds,
      "issued", (json_int_t)result->num_issued, "refused", (json_int_t)load->num_refused,
      "latency_ms", "p50", result->p50_ms, "p90", result->p90_ms, "p99", result->p99_ms, "p999",
      result->p999_ms, "max", result->max_ms);
  json_t *engine =
      json_pack("{s:f, s:f, s:I, s:f, s:o}", "batches", result->batches, "entries_per_batch",
                ratio(result->entries, result->batches), "max_waiting", watch->max_waiting,
                "mean_waiting", ratio((double)watch->sum_waiting, (double)watch->num_samples),
                "state_ms_per_batch", states_object(watch, result->batches));
  json_t *signer = json_pack(
      "{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "signatures", result->signatures, "failures",
      result->failures, "processes", result->num_processes, "ms_per_signature", result->sign_ms,
      "busy", result->busy, "possible_signatures_per_s", result->possible_per_s,
      "certificates_per_signature", ratio((double)result->num_issued, result->signatures));
  (void)json_object_set_new(object, "engine", engine);
  (void)json_object_set_new(object, "signer", signer);
  return object;
}

static void print_result(const struct bench_load *load, const struct watch *watch,
                         const struct result *result) {
  (void)printf("offered    %u/s for %.1f s over %u connections\n", load->rate_per_s,
               load->num_requests / (double)load->rate_per_s, load->num_connections);
  (void)printf("issued     %llu, %.1f/s; %u refused\n", (unsigned long long)result->num_issued,
               result->issued_per_s, load->num_refused);
  (void)printf("latency    p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f ms\n", result->p50_ms,
               result->p90_ms, result->p99_ms, result->p999_ms, result->max_ms);
  (void)printf(
      "batches    %.0f of %.1f entries on average; at most %lld were waiting, %.0f on "
      "average\n",
      result->batches, ratio(result->entries, result->batches), (long long)watch->max_waiting,
      ratio((double)watch->sum_waiting, (double)watch->num_samples));
  (void)printf(
      "signatures %.0f (%.0f failures), %.2f ms each in %.0f process%s, busy %.0f%% of the time\n",
      result->signatures, result->failures, result->sign_ms, result->num_processes,
      result->num_processes > 1 ? "es" : "", 100 * result->busy);
  (void)printf(
      "limits     %.1f signatures/s are possible, %.1f/s were made; %.1f batches/s of %d\n"
      "           %.1f certificates a signature: %.1f times what a signature for each "
      "would allow\n",
      result->possible_per_s, result->signatures / result->seconds,
      result->possible_per_s / SIGNATURES_PER_BATCH, SIGNATURES_PER_BATCH,
      ratio((double)result->num_issued, result->signatures),
      ratio(result->issued_per_s, result->possible_per_s));
}

static mtc_status measure(struct bench_load *load, struct watch *watch, bool json,
                          struct mtc_error *error) {
  struct mtc_error watch_error = {""};
  struct result result;
  mtc_status status = bench_load_run(load, start_watch, watch, error);
  mtc_status watched = end_watch(watch, &watch_error);
  if (!status && watched) status = mtc_fail(error, watched, "%s", watch_error.text);
  if (!status) status = check_serials(load, error);
  if (status) return status;
  evaluate(load, watch, &result);
  if (json)
    cli_print_json(result_object(load, watch, &result));
  else
    print_result(load, watch, &result);
  if (!load->num_refused) return MTC_OK;
  return mtc_fail(error, MTC_BUSY, "%u requests were refused; the first: %s", load->num_refused,
                  load->refusal.text);
}

static bool parse_number(const char *text, uint64_t max, uint32_t *out) {
  uint64_t value;
  if (!mtc_parse_decimal(mtc_span_of_text(text), max, &value) || value == 0) return false;
  *out = (uint32_t)value;
  return true;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"rate", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct bench_load load = {.profile = "chrome-dv-7d", .num_connections = 2};
  struct watch watch = {0};
  struct mtc_error error = {""};
  uint32_t seconds = 0;
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'r' && !parse_number(optarg, 100000, &load.rate_per_s))
      return cli_usage(command, "--rate: 1 to 100000 requests a second");
    if (option == 't' && !parse_number(optarg, 3600, &seconds))
      return cli_usage(command, "--seconds: 1 to 3600");
    if (option == 'c' && !parse_number(optarg, BENCH_MAX_CONNECTIONS, &load.num_connections))
      return cli_usage(command, "--connections: 1 to 64");
    if (option == 'p') load.profile = optarg;
    if (option == 's') watch.socket = load.socket = optarg;
    if (option == 'j') json = true;
    if (option == 'h' || option == '?') return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc || !load.rate_per_s || !seconds)
    return cli_usage(command, "--rate and --seconds are needed");
  if ((uint64_t)load.rate_per_s * seconds > 4000000)
    return cli_usage(command, "at most 4000000 requests are made: shorter, or fewer a second");
  load.num_requests = load.rate_per_s * seconds;
  atomic_init(&watch.is_over, false);
  mtc_status status = measure(&load, &watch, json, &error);
  json_decref(watch.before);
  json_decref(watch.after);
  mtc_rpc_close(watch.client);
  bench_load_free(&load);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_bench_signer = {
    "bench",
    "signer",
    "mtc bench signer --rate N --seconds N [--connections N] [--profile NAME] [--socket PATH] "
    "[--json]",
    "measure latency and batches under a fixed load",
    "Sends N certification requests a second to the daemon, in even steps, whether or not it keeps "
    "up,\n"
    "and prints how long each waited for its standalone certificate, counted from its time on the\n"
    "schedule; how the engine cut them into batches; and how much of the time the signer signed.\n"
    "The requests (P-256, a key each) are made before the first is sent. THEY BECOME ENTRIES OF "
    "THE\n"
    "LOG: not for a CA in production.\n"
    "\n"
    "  --rate         requests a second, to 100000\n"
    "  --seconds      for how long\n"
    "  --connections  sockets to send over (2), each with requests in flight at once\n"
    "  --profile      the certificate profile (chrome-dv-7d)\n",
    run};
