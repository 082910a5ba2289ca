/* mtc bench acme: how many certificates a second an ACME server gives, and how soon. */
#include "app/mtc/bench_acme.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/mtc/cli.h"

static int compare_latency(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static double percentile_ms(const struct bench_acme *bench, double share) {
  if (!bench->num_issued) return 0;
  uint32_t at = (uint32_t)(share * bench->num_issued);
  return bench->latency_us[at < bench->num_issued ? at : bench->num_issued - 1] / 1000.0;
}

static double per(double amount, double count) {
  return count > 0 ? amount / count : 0;
}

static json_t *process_object(const struct bench_acme *bench, const struct bench_process *process) {
  double cpu_us = (double)(process->cpu_end_us - process->cpu_start_us);
  return json_pack(
      "{s:i, s:f, s:f, s:f, s:f, s:f}", "pid", (int)process->pid, "rss_mib",
      (double)process->rss_run / 1048576, "cpu_us_per_order", per(cpu_us, bench->num_issued),
      "cpu_busy", per(cpu_us, (double)bench->duration_us), "bytes_per_idle_connection",
      per((double)(process->rss_idle - process->rss_start), bench->num_idle), "bytes_per_order",
      per((double)(process->rss_run - process->rss_idle), bench->num_issued));
}

static json_t *result_object(const struct bench_acme *bench) {
  json_t *failures = json_object();
  json_t *processes = json_array();
  for (size_t i = 0; i < BENCH_MAX_ERRORS && bench->failures[i].num; i++)
    (void)json_object_set_new(failures, bench->failures[i].name,
                              json_integer(bench->failures[i].num));
  for (unsigned i = 0; i < bench->num_processes; i++)
    (void)json_array_append_new(processes, process_object(bench, &bench->processes[i]));
  return json_pack(
      "{s:i, s:i, s:i, s:i, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f}, s:i, s:i, s:i, s:o, s:o}",
      "clients", (int)bench->num_clients, "offered_per_s", (int)bench->rate_per_s, "orders",
      (int)bench->num_orders, "issued", (int)bench->num_issued, "orders_per_s",
      per(bench->num_issued, (double)bench->duration_us / 1e6), "seconds",
      (double)bench->duration_us / 1e6, "latency_ms", "p50", percentile_ms(bench, 0.5), "p90",
      percentile_ms(bench, 0.9), "p99", percentile_ms(bench, 0.99), "p999",
      percentile_ms(bench, 0.999), "max", percentile_ms(bench, 1), "polls", (int)bench->num_polls,
      "nonce_retries", (int)bench->num_nonce_retries, "idle_connections_lost",
      (int)bench->num_idle_lost, "errors", failures, "processes", processes);
}

static void print_result(const struct bench_acme *bench) {
  char offered[32] = "as fast as possible";
  if (bench->rate_per_s) (void)snprintf(offered, sizeof offered, "%u/s", bench->rate_per_s);
  (void)printf("offered    %u orders, %s, by %u clients\n", bench->num_orders, offered,
               bench->num_clients);
  (void)printf("issued     %u in %.1f s, %.1f orders/s; %u polls, %u nonces refused\n",
               bench->num_issued, (double)bench->duration_us / 1e6,
               per(bench->num_issued, (double)bench->duration_us / 1e6), bench->num_polls,
               bench->num_nonce_retries);
  (void)printf("latency    p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f ms\n",
               percentile_ms(bench, 0.5), percentile_ms(bench, 0.9), percentile_ms(bench, 0.99),
               percentile_ms(bench, 0.999), percentile_ms(bench, 1));
  if (bench->num_idle)
    (void)printf("idle       %u connections, %u of them lost\n", bench->num_idle,
                 bench->num_idle_lost);
  for (unsigned i = 0; i < bench->num_processes; i++) {
    const struct bench_process *process = &bench->processes[i];
    double cpu_us = (double)(process->cpu_end_us - process->cpu_start_us);
    (void)printf(
        "process    %u: %.1f MiB, %.0f bytes an idle connection, %.0f bytes an order; %.0f "
        "us an order, busy %.0f%%\n",
        process->pid, (double)process->rss_run / 1048576,
        per((double)(process->rss_idle - process->rss_start), bench->num_idle),
        per((double)(process->rss_run - process->rss_idle), bench->num_issued),
        per(cpu_us, bench->num_issued), 100 * per(cpu_us, (double)bench->duration_us));
  }
  for (size_t i = 0; i < BENCH_MAX_ERRORS && bench->failures[i].num; i++)
    (void)printf("error      %s: %u\n", bench->failures[i].name, bench->failures[i].num);
}

static mtc_status measure(struct bench_acme *bench, bool json, struct mtc_error *error) {
  mtc_status status = bench_acme_run(bench, error);
  if (status) return status;
  qsort(bench->latency_us, bench->num_issued, sizeof *bench->latency_us, compare_latency);
  if (json)
    cli_print_json(result_object(bench));
  else
    print_result(bench);
  if (bench->num_issued == bench->num_orders) return MTC_OK;
  return mtc_fail(error, MTC_BUSY, "%u orders got no certificate; the first: %s",
                  bench->num_orders - bench->num_issued, bench->first_failure);
}

static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *out) {
  uint64_t value;
  if (!mtc_parse_decimal(mtc_span_of_text(text), max, &value) || value < min) return false;
  *out = (uint32_t)value;
  return true;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"directory", required_argument, NULL, 'd'},
                                          {"ca-file", required_argument, NULL, 'a'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"clients", required_argument, NULL, 'c'},
                                          {"orders", required_argument, NULL, 'o'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"idle", required_argument, NULL, 'i'},
                                          {"http-port", required_argument, NULL, 'w'},
                                          {"pid", required_argument, NULL, 'x'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct bench_acme bench = {.num_clients = 64, .epoll_fd = -1};
  struct mtc_error error = {""};
  bool json = false;
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    if (option == 'd') bench.directory = optarg;
    if (option == 'a') bench.ca_file = optarg;
    if (option == 'p') bench.profile = optarg;
    if (option == 'c' && !parse_number(optarg, 1, 10000, &bench.num_clients))
      return cli_usage(command, "--clients: 1 to 10000");
    if (option == 'o' && !parse_number(optarg, 1, 1000000, &bench.num_orders))
      return cli_usage(command, "--orders: 1 to 1000000");
    if (option == 'r' && !parse_number(optarg, 0, 100000, &bench.rate_per_s))
      return cli_usage(command, "--rate: 1 to 100000 orders a second, 0: as fast as possible");
    if (option == 'i' && !parse_number(optarg, 0, 50000, &bench.num_idle))
      return cli_usage(command, "--idle: 0 to 50000 connections");
    if (option == 'w' && !parse_number(optarg, 1, 65535, &bench.http_port))
      return cli_usage(command, "--http-port: 1 to 65535");
    if (option == 'x') {
      if (bench.num_processes == BENCH_MAX_PROCESSES ||
          !parse_number(optarg, 1, INT32_MAX, &bench.processes[bench.num_processes].pid))
        return cli_usage(command, "--pid: a process ID, at most 4 of them");
      bench.num_processes++;
    }
    if (option == 'j') json = true;
    if (option == 'h' || option == '?') return option == 'h' ? CLI_DONE : CLI_USAGE;
  }
  if (optind != argc || !bench.directory || !bench.num_orders || !bench.http_port)
    return cli_usage(command, "--directory, --orders and --http-port are needed");
  mtc_status status = measure(&bench, json, &error);
  bench_acme_free(&bench);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_bench_acme = {
    "bench",
    "acme",
    "mtc bench acme --directory URL --orders N --http-port PORT [--clients N] [--rate N] [--idle "
    "N] "
    "[--profile NAME] [--ca-file FILE] [--pid PID]... [--json]",
    "measure orders a second of an ACME server",
    "Makes an account (ES256) and proves one name (http-01) for each client, and then orders\n"
    "certificates for that name with the authorizations it has: newOrder, finalize, polls where "
    "the\n"
    "answer is not \"valid\" at once, and the download. Prints orders a second and how long each "
    "took "
    "from\n"
    "its time on the schedule to its certificate. The keys (P-256, one an order) and CSRs are "
    "made\n"
    "before. The server must look for challenges of *.bench.example on this machine (testing: "
    "true,\n"
    "resolver, http_port, allow_private). THE CERTIFICATES BECOME ENTRIES OF THE LOG: not for a CA "
    "in\n"
    "production.\n"
    "\n"
    "  --directory  the server's directory, http or https\n"
    "  --ca-file    PEM certificates that its TLS certificate is checked with (the system's)\n"
    "  --orders     how many\n"
    "  --clients    how many at the same time (64), a connection and an account each\n"
    "  --rate       orders a second, in even steps, whether or not the server keeps up (0: each "
    "client\n"
    "               begins the next order when one has ended)\n"
    "  --idle       idle keep-alive connections held while orders are measured\n"
    "  --http-port  where the server looks for challenges on 127.0.0.1\n"
    "  --profile    the certificate profile (the server's default)\n"
    "  --pid        a process of the server: its memory and processor time are printed\n",
    run};
