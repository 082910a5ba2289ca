/* Knot DNS as an authoritative server on a free port of loopback, in a temporary folder. */
#ifndef SUPPORT_KNOTD_H
#define SUPPORT_KNOTD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct knotd {
  char folder[64];
  unsigned port;
  pid_t pid;
};

struct knotd_zone {
  const char *name; /* without the final dot */
  bool is_signed;
  const char *records; /* zone file below the SOA and NS */
};

static inline FILE *knotd_file(const struct knotd *knotd, const char *name) {
  char path[192];
  (void)snprintf(path, sizeof path, "%s/%s", knotd->folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  return file;
}

/* A port that is free for UDP and TCP. */
static inline unsigned free_port(void) {
  for (;;) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(tcp, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(tcp, (struct sockaddr *)&address, &len), 0);
    bool both = bind(udp, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(tcp);
    (void)close(udp);
    if (both) return ntohs(address.sin_port);
  }
}

static inline void knotd_write(const struct knotd *knotd, const struct knotd_zone *zones,
                               size_t num) {
  FILE *conf = knotd_file(knotd, "knot.conf");
  (void)fprintf(conf,
                "server:\n  listen: 127.0.0.1@%u\n  rundir: %s\n  udp-workers: 1\n"
                "  tcp-workers: 1\n  background-workers: 1\n"
                "database:\n  storage: %s\n"
                "log:\n  - target: %s/log\n    any: info\n"
                "policy:\n  - id: fast\n    rrsig-refresh: 1d\n    reproducible-signing: on\n"
                "template:\n  - id: default\n    storage: %s\n    journal-content: none\n"
                "    zonefile-sync: -1\n    zonefile-load: whole\n"
                "zone:\n",
                knotd->port, knotd->folder, knotd->folder, knotd->folder, knotd->folder);
  for (size_t i = 0; i < num; i++) {
    (void)fprintf(conf, "  - domain: %s\n    file: %s.zone\n", zones[i].name, zones[i].name);
    if (zones[i].is_signed)
      (void)fprintf(conf,
                    "    dnssec-signing: on\n    dnssec-policy: fast\n"
                    "    journal-content: all\n    zonefile-load: difference-no-serial\n");
    char name[96];
    (void)snprintf(name, sizeof name, "%s.zone", zones[i].name);
    FILE *file = knotd_file(knotd, name);
    (void)fprintf(file,
                  "$ORIGIN %s.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\n"
                  "ns A 127.0.0.1\n%s",
                  zones[i].name, zones[i].records);
    assert_int_equal(fclose(file), 0);
  }
  assert_int_equal(fclose(conf), 0);
}

/* Waits for "READY=1", which knotd says when its zones are loaded and signed. */
static inline void knotd_wait(int notify) {
  char text[512];
  struct timeval patience = {.tv_sec = 60};
  (void)setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (;;) {
    ssize_t len = recv(notify, text, sizeof text - 1, 0);
    if (len < 0 && errno == EINTR) continue;
    if (len < 0) fail_msg("knotd does not say that it is ready");
    text[len] = 0;
    if (strstr(text, "READY=1")) return;
  }
}

static inline void knotd_start(struct knotd *knotd, const struct knotd_zone *zones, size_t num) {
  (void)snprintf(knotd->folder, sizeof knotd->folder, "/tmp/mtc-knotd-XXXXXX");
  assert_non_null(mkdtemp(knotd->folder));
  knotd->port = free_port();
  knotd_write(knotd, zones, num);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", knotd->folder);
  int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(notify, (struct sockaddr *)&address, sizeof address), 0);
  knotd->pid = fork();
  assert_true(knotd->pid >= 0);
  if (knotd->pid == 0) {
    char path[96];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that aborts leaves no server */
    (void)snprintf(path, sizeof path, "%s/knot.conf", knotd->folder);
    (void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
    int nothing = open("/dev/null", O_RDWR);
    (void)dup2(nothing, 1);
    (void)dup2(nothing, 2);
    execl("/usr/sbin/knotd", "knotd", "-c", path, (char *)NULL);
    _exit(127);
  }
  knotd_wait(notify);
  (void)close(notify);
}

/* The DS records of a signed zone's key, one a line, for a trust anchor. */
static inline void knotd_append_ds(const struct knotd *knotd, const char *zone, FILE *out) {
  char command[192], line[512];
  unsigned num = 0;
  (void)snprintf(command, sizeof command, "keymgr -c %s/knot.conf %s ds", knotd->folder, zone);
  FILE *ds = popen(command, "r");
  assert_non_null(ds);
  while (fgets(line, sizeof line, ds)) {
    char *at = strstr(line, " DS ");
    if (!at) continue;
    (void)fprintf(out, "%s. IN%s", zone, at);
    num++;
  }
  assert_int_equal(pclose(ds), 0);
  assert_true(num > 0);
}

static inline void knotd_stop(struct knotd *knotd) {
  char command[96];
  (void)kill(knotd->pid, SIGTERM);
  (void)waitpid(knotd->pid, NULL, 0);
  (void)snprintf(command, sizeof command, "rm -rf %s", knotd->folder);
  assert_int_equal(system(command), 0);
}

#endif
