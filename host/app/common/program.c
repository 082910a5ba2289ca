#include "app/common/program.h"

#include <getopt.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

int program_read_options(const struct program *program, int argc, char **argv,
                         struct program_options *out) {
  const struct option options[] = {
      {"config", required_argument, NULL, 'c'}, {program->flag, no_argument, NULL, 'f'},
      {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},         {0}};
  *out = (struct program_options){.level = MTC_LOG_INFO};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'c') {
      out->config = optarg;
    } else if (option == 'f') {
      out->has_flag = true;
    } else if (option == 'v') {
      out->level = MTC_LOG_DEBUG;
    } else if (option == 'V') {
      (void)puts(program->version);
      return 0;
    } else {
      (void)fputs(program->usage, option == 'h' ? stdout : stderr);
      return option == 'h' ? 0 : 2;
    }
  }
  if (out->config && optind == argc) return -1;
  (void)fputs(program->usage, stderr);
  return 2;
}

void program_say_ready(void) {
  (void)puts("ready");
  (void)fflush(stdout);
  (void)sd_notify(0, "READY=1");
}

void program_fail(const char *name, mtc_status status, const struct mtc_error *error) {
  (void)fprintf(stderr, "%s: %s\n", name, error->text[0] ? error->text : mtc_status_name(status));
}
