#include "attributes.h"

#include <string.h>

/* A flag that the token may not know: then this is the only one who does. */
static void set_flag(CK_ATTRIBUTE *attribute, CK_BBOOL value) {
  if (attribute->pValue) memcpy(attribute->pValue, &value, sizeof value);
  attribute->ulValueLen = sizeof value;
}

static void lie(const struct shim_lie *what, CK_ATTRIBUTE *attribute) {
  if (what->how != SHIM_CHANGED)
    set_flag(attribute, what->how == SHIM_TRUE ? CK_TRUE : CK_FALSE);
  else if (attribute->pValue && attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION)
    *(CK_BYTE *)attribute->pValue ^= 1;
}

CK_RV shim_attributes_change(const struct shim_token *token, CK_ATTRIBUTE *template,
                             CK_ULONG num_attributes, CK_RV rv) {
  if (!token->num_lies || (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)) return rv;
  bool all_known = true;
  for (CK_ULONG i = 0; i < num_attributes; i++) {
    for (size_t j = 0; j < token->num_lies; j++)
      if (token->lies[j].type == template[i].type) lie(&token->lies[j], &template[i]);
    if (template[i].ulValueLen == CK_UNAVAILABLE_INFORMATION) all_known = false;
  }
  return all_known ? CKR_OK : rv;
}
