/* A PKCS#10 request for a CA's own key: what a parent is asked to sign. */
#include "entry/csr.h"
#include "entry/der.h"

/* extensionRequest 1.2.840.113549.1.9.14 (RFC 2985) */
static const uint8_t extension_request[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                            0xf7, 0x0d, 0x01, 0x09, 0x0e};

/* Certificate extensions are [3] EXPLICIT; a request has them as the value of an attribute. */
static mtc_status append_attributes(const struct mtc_certificate *certificate,
                                    struct mtc_bytes *out) {
  struct mtc_der tagged;
  struct mtc_reader reader = mtc_reader_of(certificate->rest);
  if (!mtc_der_read(&reader, 0xa3, &tagged) || reader.len) return MTC_INPUT;
  size_t attributes = mtc_der_open(out, 0xa0);
  size_t attribute = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append(out, extension_request, sizeof extension_request);
  mtc_der_append(out, MTC_DER_SET, tagged.contents);
  mtc_der_close(out, attribute);
  mtc_der_close(out, attributes);
  return MTC_OK;
}

/* CertificationRequestInfo ::= SEQUENCE { version 0, subject, subjectPKInfo, attributes [0] } */
mtc_status mtc_csr_info_append(struct mtc_span ca_certificate, struct mtc_bytes *out,
                               struct mtc_error *error) {
  struct mtc_certificate certificate;
  mtc_status status = mtc_certificate_parse(ca_certificate, &certificate, error);
  if (status) return status;
  size_t info = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_der_append_uint(out, 0);
  mtc_bytes_append_span(out, certificate.subject);
  mtc_bytes_append_span(out, certificate.public_key);
  status = append_attributes(&certificate, out);
  mtc_der_close(out, info);
  if (status) return mtc_fail(error, status, "the CA certificate has no extensions");
  status = mtc_bytes_status(out);
  return status ? mtc_fail(error, status, "making a request: out of memory") : MTC_OK;
}

/* CertificationRequest ::= SEQUENCE { info, signatureAlgorithm, signature } */
void mtc_csr_append(struct mtc_span info, enum mtc_algorithm algorithm, struct mtc_span signature,
                    struct mtc_bytes *out) {
  size_t request = mtc_der_open(out, MTC_DER_SEQUENCE);
  mtc_bytes_append_span(out, info);
  mtc_bytes_append_span(out, mtc_algorithm_identifier(algorithm));
  size_t bits = mtc_der_open(out, MTC_DER_BIT_STRING);
  mtc_bytes_append_uint(out, 0, 1);
  mtc_bytes_append_span(out, signature);
  mtc_der_close(out, bits);
  mtc_der_close(out, request);
}
