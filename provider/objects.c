/*
 * Object identifiers. libcrypto verifies a certificate's signature by two names that it looks up
 * under the signature's identifier: the key's algorithm and a digest. The digest of id-alg-mtcProof
 * is SHAKE256, which no CA key's algorithm takes: whatever key management a key belongs to, a
 * signature labelled id-alg-mtcProof verifies nowhere but in this provider, which does not compute
 * that digest and takes its name for the request to verify an MTCProof.
 */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "provider/provider.h"

#define EXPERIMENTAL_ARC "1.3.6.1.4.1.44363."

/* What is known came from this module, however often it is loaded. */
static atomic_bool are_ours;

static void text_of(const ASN1_OBJECT *object, char out[80]) {
  if (!object || OBJ_obj2txt(out, 80, object, 1) <= 0) out[0] = 0;
}

static void proof_of(const struct mtc_wire *wire, char out[80]) {
  const unsigned char *at = wire->proof_algorithm.data;
  const ASN1_OBJECT *object = NULL;
  X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)wire->proof_algorithm.len);
  if (algorithm) X509_ALGOR_get0(&object, NULL, NULL, algorithm);
  text_of(object, out);
  X509_ALGOR_free(algorithm);
}

static void identifier_of(struct mtc_span der, char out[80]) {
  const unsigned char *at = der.data;
  ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)der.len);
  text_of(object, out);
  ASN1_OBJECT_free(object);
}

/* Two identifiers cannot have one name: the experimental ones have the end of their arc in theirs.
 */
static void create(const struct core *core, const char *identifier, const char *name) {
  char own_name[128];
  size_t arc_len = strlen(EXPERIMENTAL_ARC);
  bool is_experimental = strncmp(identifier, EXPERIMENTAL_ARC, arc_len) == 0;
  (void)snprintf(own_name, sizeof own_name, "%s%s%s", name, is_experimental ? "-" : "",
                 is_experimental ? identifier + arc_len : "");
  /* An object of openssl.cnf's oid_section that is there already will do. */
  ERR_set_mark();
  (void)core->obj_create(core->handle, identifier, own_name, own_name);
  ERR_pop_to_mark();
}

void objects_register(const struct core *core, const struct mtc_wire *wire, const char *key_name) {
  char proof[80], attribute[80], extension[80];
  proof_of(wire, proof);
  identifier_of(wire->name_attribute, attribute);
  identifier_of(wire->ca_extension, extension);
  atomic_store(&are_ours, true);
  create(core, proof, "id-alg-mtcProof");
  create(core, attribute, "id-rdna-trustAnchorID");
  create(core, extension, "id-pe-mtcCertificationAuthority");
  ERR_set_mark();
  (void)core->obj_add_sigid(core->handle, proof, OBJECTS_PROOF_DIGEST, key_name);
  ERR_pop_to_mark();
}

bool objects_are_native(void) {
  bool is_known = false;
  if (atomic_load(&are_ours)) return false;
  for (int i = MTC_WIRE_PLANTS_05; i <= MTC_WIRE_PLANTS_07; i++) {
    char proof[80];
    proof_of(mtc_wire_get((enum mtc_wire_version)i), proof);
    ERR_set_mark();
    int nid = OBJ_txt2nid(proof);
    is_known = is_known || (nid != NID_undef && OBJ_find_sigid_algs(nid, NULL, NULL));
    ERR_pop_to_mark();
  }
  return is_known;
}
