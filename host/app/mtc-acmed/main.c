/* mtc-acmed: the ACME server in front of a CA's mtcd. It holds no key but that of its TLS. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "acme/server.h"
#include "mtc/runtime.h"

static void usage(FILE *out) {
  (void)fputs(
      "usage: mtc-acmed --config acme.yaml [--check-config] [--verbose] | --version\n"
      "\n"
      "Serves ACME (RFC 8555) for the CAs behind the sockets that the configuration names, until\n"
      "SIGTERM or SIGINT. It says \"ready\" on standard output when it accepts requests (and "
      "tells\n"
      "systemd).\n"
      "\n"
      "  --check-config  reads the configuration, says what is wrong with it, and ends\n"
      "  --verbose       logs more\n"
      "\n"
      "exit codes: 0 stopped, 1 failed, 2 usage\n",
      out);
}

/* No core dump has the MAC keys of external accounts; no child gains what we do not have. */
static void confine(void) {
  const struct rlimit no_core = {0, 0};
  struct rlimit files;
  (void)setrlimit(RLIMIT_CORE, &no_core);
  (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
}

static mtc_status serve(const struct acme_config *config, const sigset_t *signals,
                        struct mtc_error *error) {
  struct acme_server *server;
  int number = 0;
  mtc_status status = acme_server_open(config, &server, error);
  if (status) return status;
  mtc_log(MTC_LOG_INFO, "ready", "url=%s/directory address=%s port=%u", config->url,
          config->address, acme_server_port(server));
  if (!config->certificate && !config->http.num_proxies && config->limits.accounts_per_address_hour)
    mtc_log(MTC_LOG_WARNING, "limits",
            "accounts_per_address_hour=%u counts=the proxy do=name it in proxies",
            config->limits.accounts_per_address_hour);
  (void)puts("ready");
  (void)fflush(stdout);
  (void)sd_notify(0, "READY=1");
  while (sigwait(signals, &number) != 0)
    continue;
  (void)sd_notify(0, "STOPPING=1");
  mtc_log(MTC_LOG_INFO, "stopping", "signal=%d", number);
  acme_server_close(server);
  return MTC_OK;
}

static int run(const char *config_path, bool only_check) {
  struct acme_config *config;
  struct mtc_error error = {""};
  sigset_t signals;
  /* Before there are threads, which inherit it. */
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  (void)sigprocmask(SIG_BLOCK, &signals, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
  confine();
  mtc_status status = acme_config_load(config_path, &config, &error);
  if (!status && !only_check) status = serve(config, &signals, &error);
  if (status)
    (void)fprintf(stderr, "mtc-acmed: %s\n", error.text[0] ? error.text : mtc_status_name(status));
  acme_config_free(config);
  return status ? 1 : 0;
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
      {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},         {0}};
  const char *config_path = NULL;
  enum mtc_log_level level = MTC_LOG_INFO;
  bool only_check = false;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'c') {
      config_path = optarg;
    } else if (option == 'k') {
      only_check = true;
    } else if (option == 'v') {
      level = MTC_LOG_DEBUG;
    } else if (option == 'V') {
      (void)puts("mtc-acmed " MTC_VERSION);
      return 0;
    } else {
      usage(option == 'h' ? stdout : stderr);
      return option == 'h' ? 0 : 2;
    }
  }
  if (!config_path || optind != argc) {
    usage(stderr);
    return 2;
  }
  mtc_log_init("mtc-acmed", level);
  return run(config_path, only_check);
}
