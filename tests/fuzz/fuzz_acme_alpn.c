/* Certificates of tls-alpn-01: whatever DER a server shows, there is a verdict, and it
 * proves at most one identifier. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "acme/alpn_certificate.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const struct acme_identifier identifiers[2] = {{ACME_DNS_NAME, "www.example.com"},
                                                        {ACME_IP_ADDRESS, "192.0.2.1"}};
  const uint8_t *at = data;
  unsigned proves = 0;
  X509 *certificate = d2i_X509(NULL, &at, (long)len);
  for (int i = 0; certificate && i < 2; i++) {
    const char *why = acme_alpn_certificate_check(certificate, &identifiers[i], "token.thumbprint");
    assert(!why || why[0]);
    if (!why) proves++;
  }
  assert(proves < 2);
  X509_free(certificate);
  ERR_clear_error();
  return 0;
}
