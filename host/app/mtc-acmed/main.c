/* mtc-acmed: the ACME server in front of a CA's mtcd. It holds no key but that of its TLS. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "acme/server.h"
#include "app/common/program.h"

static const char usage[] =
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
    "exit codes: 0 stopped, 1 failed, 2 usage\n";

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
  program_say_ready();
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
  if (status) program_fail("mtc-acmed", status, &error);
  acme_config_free(config);
  return status ? 1 : 0;
}

int main(int argc, char **argv) {
  static const struct program program = {"mtc-acmed " MTC_VERSION, usage, "check-config"};
  struct program_options options;
  int code = program_read_options(&program, argc, argv, &options);
  if (code >= 0) return code;
  mtc_log_init("mtc-acmed", options.level);
  return run(options.config, options.has_flag);
}
