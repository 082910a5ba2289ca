/* mtcd: the issuance daemon of one CA. Owns log, card and signer; listens on a UNIX socket only. */
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "app/common/program.h"
#include "app/mtcd/daemon.h"

static struct mtc_rpc_server *running;

static void stop(int signal_number) {
  (void)signal_number;
  mtc_rpc_server_stop(running);
}

static const char usage[] =
    "usage: mtcd --config DIR/mtc.yaml [--on-demand] [--verbose] | --version\n"
    "\n"
    "Runs the CA whose folder `mtc ca init` made, until SIGTERM or SIGINT. It listens on the\n"
    "socket that the configuration names and says \"ready\" on standard output when it\n"
    "accepts requests (and tells systemd).\n"
    "\n"
    "  --on-demand  as a program starts it that needs the CA: in the background, with its log "
    "in\n"
    "               DIR/mtcd.log, until nobody is connected; a daemon that runs already is left\n"
    "               to serve\n"
    "\n"
    "exit codes: 0 stopped, 1 failed, 2 usage\n";

static mtc_status open_hasher(struct daemon *daemon, struct mtc_error *error) {
  if (!daemon->config->has_card) return mtc_hasher_open_cpu(&daemon->hasher);
  return mtc_hasher_open_card(&daemon->config->card, &daemon->hasher, error);
}

mtc_status daemon_open(struct daemon *daemon, const char *config_path, struct mtc_error *error) {
  mtc_status status = config_load(config_path, &daemon->config, error);
  if (status) return status;
  struct app_config *config = daemon->config;
  status = mtc_store_open(config->database, config->wire, &config->ca_id, config->log_number, false,
                          &daemon->store, error);
  if (!status) status = revoke_make_up(daemon, error);
  if (status) return mtc_fail_within(error, status, "log");
  status = open_hasher(daemon, error);
  if (status) return mtc_fail_within(error, status, "hash");
  status = mtc_signer_open(&config->signer, &daemon->signer, error);
  if (status) return mtc_fail_within(error, status, "signer");
  status = direct_open(daemon, error);
  if (status) return status;
  struct mtc_engine_options options = config->engine;
  options.store = daemon->store;
  options.hasher = daemon->hasher;
  options.signer = daemon->signer;
  status = mtc_engine_open(&options, &daemon->engine, error);
  if (status) return mtc_fail_within(error, status, "engine");
  status = pool_open(&daemon->pool, error);
  if (!status)
    status = mtc_rpc_server_open(config->socket, daemon_handle, daemon, &daemon->server, error);
  return status;
}

/*
 * Every request in flight is answered: the engine gives its last receipts to the pool, the pool
 * makes the certificates out of the stopped engine's log, and the socket takes what it can hold.
 */
void daemon_close(struct daemon *daemon) {
  mtc_engine_stop(daemon->engine);
  pool_close(&daemon->pool);
  direct_stop(daemon);
  mtc_engine_close(daemon->engine);
  mtc_rpc_server_close(daemon->server);
  direct_close(daemon);
  mtc_signer_close(daemon->signer);
  mtc_hasher_close(daemon->hasher);
  mtc_store_close(daemon->store);
  config_free(daemon->config);
}

static mtc_status serve(struct daemon *daemon, struct mtc_error *error) {
  struct sigaction action = {.sa_handler = stop};
  running = daemon->server;
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGINT, &action, NULL);
  mtc_log(MTC_LOG_INFO, "ready", "socket=%s log=%llu", daemon->config->socket,
          (unsigned long long)daemon->config->log_number);
  program_say_ready();
  mtc_status status = mtc_rpc_server_run(daemon->server);
  (void)sd_notify(0, "STOPPING=1");
  mtc_log(MTC_LOG_INFO, "stopping", "status=%s", mtc_status_name(status));
  return status ? mtc_fail(error, status, "the socket failed") : MTC_OK;
}

int main(int argc, char **argv) {
  static const struct program program = {"mtcd " MTC_VERSION, usage, "on-demand"};
  struct program_options options;
  int code = program_read_options(&program, argc, argv, &options);
  if (code >= 0) return code;
  const char *config_path = options.config;
  bool on_demand = options.has_flag;
  (void)signal(SIGPIPE, SIG_IGN);
  struct daemon daemon = {0};
  struct mtc_error error = {""};
  bool is_served = false;
  mtc_status status = MTC_OK;
  if (on_demand && !on_demand_detach()) return 1;
  if (on_demand) status = on_demand_open_log(config_path, &error);
  if (status) (void)printf("error %s\n", error.text);
  mtc_log_init("mtcd", options.level);
  if (!status)
    status = on_demand ? on_demand_open(&daemon, config_path, &is_served, &error)
                       : daemon_open(&daemon, config_path, &error);
  if (!status && !is_served) status = serve(&daemon, &error);
  if (status) program_fail("mtcd", status, &error);
  daemon_close(&daemon);
  return status ? 1 : 0;
}
