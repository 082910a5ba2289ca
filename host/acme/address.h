/* IP addresses, and which of them a validation may connect to. */
#ifndef ACME_ADDRESS_H
#define ACME_ADDRESS_H

#include <sys/socket.h>

#include "mtc/bytes.h"

#define ACME_ADDRESS_TEXT_LEN 46u /* the longest text of an address and its zero */
#define ACME_REVERSE_NAME_LEN 80u /* the longest name under ip6.arpa and its zero */

/* One address, in network order; `family` is AF_INET (4 bytes used) or AF_INET6 (16). */
struct acme_address {
  int family;
  uint8_t bytes[16];
};

/*
 * acme_address_parse reads a numeric address: dotted decimal with four numbers, or IPv6 without a
 * scope; false: it is none.
 */
bool acme_address_parse(const char *text, struct acme_address *out) MTC_MUST_CHECK;

/*
 * acme_address_of makes an address of the data of an A (4 bytes) or AAAA record (16 bytes).
 *
 * Errors:   false for any other length.
 */
bool acme_address_of(struct mtc_span data, struct acme_address *out) MTC_MUST_CHECK;

/*
 * acme_address_text writes the address as inet_ntop does.
 */
void acme_address_text(const struct acme_address *address, char out[ACME_ADDRESS_TEXT_LEN]);

/*
 * acme_address_reverse_name writes the name under in-addr.arpa or ip6.arpa, without a final dot.
 *
 * Source:   RFC 1035, "IN-ADDR.ARPA domain"; RFC 3596, "IP6.ARPA Domain"
 */
void acme_address_reverse_name(const struct acme_address *address, char out[ACME_REVERSE_NAME_LEN]);

/*
 * acme_address_socket fills a socket address.
 *
 * Output:   its length.
 */
socklen_t acme_address_socket(const struct acme_address *address, unsigned port,
                              struct sockaddr_storage *out);

/*
 * acme_address_refusal tells why a connection to the address would not go to the public internet
 * ("private use (RFC 1918)"); NULL when it does.
 *
 * Output:   static text.
 * Source:   the IANA special-purpose address registries (RFC 6890)
 */
const char *acme_address_refusal(const struct acme_address *address);

/*
 * acme_address_range gives the ranges that are refused, one after the other, as "prefix/length"
 * texts; NULL after the last. A resolver is told not to ask name servers there.
 */
const char *acme_address_range(unsigned index);

#endif
