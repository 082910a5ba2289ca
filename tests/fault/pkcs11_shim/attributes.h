/* What the token says of its objects, other than it is. */
#ifndef MTC_PKCS11_SHIM_ATTRIBUTES_H
#define MTC_PKCS11_SHIM_ATTRIBUTES_H

#include <p11-kit/pkcs11.h>

#include "faults.h"

/*
 * shim_attributes_change changes what C_GetAttributeValue has read, as the token pretends to be;
 * `rv` is what the module answered, and the result what the shim answers.
 */
CK_RV shim_attributes_change(const struct shim_token *token, CK_ATTRIBUTE *template,
                             CK_ULONG num_attributes, CK_RV rv);

#endif
