/* A network of the test's own: loopback alone, which has public addresses, too. */
#ifndef SUPPORT_NETWORK_H
#define SUPPORT_NETWORK_H

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of blocks that the registries have as globally reachable and where nobody's host is (RFC 7534,
 * RFC 7535: they take reverse lookups of private addresses). */
#define PUBLIC_ADDRESS "192.31.196.10"
#define PUBLIC_ADDRESS6 "2620:4f:8000::10"
#define ABSENT_ADDRESS6 "2620:4f:8000::99"

struct network_in6 { /* struct in6_ifreq of the kernel, whose header does not go with glibc's */
  struct in6_addr address;
  uint32_t prefix_len;
  int index;
};

/* Moves this process, before it has threads, into such a network; false: not allowed here. */
static inline bool network_enter(void) {
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  bool done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  struct sockaddr_in address = {.sin_family = AF_INET};
  (void)inet_pton(AF_INET, PUBLIC_ADDRESS, &address.sin_addr);
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo:1", 5);
  memcpy(&request.ifr_addr, &address, sizeof address);
  done = done && ioctl(fd, SIOCSIFADDR, &request) == 0;
  struct network_in6 request6 = {.prefix_len = 128, .index = (int)if_nametoindex("lo")};
  (void)inet_pton(AF_INET6, PUBLIC_ADDRESS6, &request6.address);
  done = done && ioctl(fd6, SIOCSIFADDR, &request6) == 0;
  (void)close(fd);
  (void)close(fd6);
  return done;
}

#endif
