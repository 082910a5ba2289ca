/* CK_ATTRIBUTEs for templates. Private to what makes plain PKCS#11 calls: p11-kit's pkcs11.h. */
#ifndef MTC_SIGN_RAW_ATTRIBUTE_H
#define MTC_SIGN_RAW_ATTRIBUTE_H

#include <p11-kit/pkcs11.h>
#include <string.h>

/* PKCS#11 has no const; a template's values are only read. */
static inline CK_ATTRIBUTE mtc_ck_attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len) {
  CK_ATTRIBUTE attribute = {.type = type, .ulValueLen = (CK_ULONG)len};
  memcpy(&attribute.pValue, &value, sizeof value);
  return attribute;
}

#endif
