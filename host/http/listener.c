/* Opening the listening socket here, not in libmicrohttpd, gives errors that name the address. */
#include "http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static unsigned port_of(int fd) {
  struct sockaddr_storage name = {0};
  socklen_t len = sizeof name;
  if (getsockname(fd, (struct sockaddr *)&name, &len) != 0) return 0;
  in_port_t port = name.ss_family == AF_INET ? ((const struct sockaddr_in *)&name)->sin_port
                                             : ((const struct sockaddr_in6 *)&name)->sin6_port;
  return ntohs(port);
}

static bool listen_on(int fd, const struct addrinfo *info) {
  int on = 1;
  int off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return false;
  if (info->ai_family == AF_INET6) {
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) return false;
  }
  return bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
}

mtc_status http_listener_open(const char *address, unsigned port, int *out_fd, unsigned *out_port,
                              struct mtc_error *error) {
  *out_fd = -1;
  if (port > 65535) return mtc_fail(error, MTC_INPUT, "port %u: above 65535", port);
  char service[16];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                           .ai_socktype = SOCK_STREAM};
  struct addrinfo *info = NULL;
  if (!address || getaddrinfo(address, service, &hints, &info) != 0) {
    return mtc_fail(error, MTC_INPUT, "'%s': not a numeric IPv4 or IPv6 address to listen on",
                    address ? address : "");
  }
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool listening = fd >= 0 && listen_on(fd, info);
  int reason = errno;
  freeaddrinfo(info);
  if (!listening) {
    if (fd >= 0) close(fd);
    return mtc_fail(error, MTC_IO, "cannot listen on %s port %u: %s", address, port,
                    strerror(reason));
  }
  *out_fd = fd;
  *out_port = port_of(fd);
  return MTC_OK;
}
