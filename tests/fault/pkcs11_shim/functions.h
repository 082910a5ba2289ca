/*
 * Every function of PKCS #11 2.40, once: F(name, kind, how, parameters, arguments...).
 *
 * kind: what its first argument names (LIBRARY: nothing, SLOT, SESSION).
 * how:  REAL is forwarded as it is, OWN goes through own_<name>, HAND is written out in shim.c.
 */
#ifndef MTC_PKCS11_SHIM_FUNCTIONS_H
#define MTC_PKCS11_SHIM_FUNCTIONS_H

#include <p11-kit/pkcs11.h>

/* clang-format off */
#define SHIM_BYTES_IN CK_BYTE_PTR b, CK_ULONG c
#define SHIM_BYTES_IN_OUT SHIM_BYTES_IN, CK_BYTE_PTR d, CK_ULONG_PTR e

#define SHIM_FUNCTIONS(F) \
  F(C_Initialize, LIBRARY, HAND, (void *a), a) \
  F(C_Finalize, LIBRARY, REAL, (void *a), a) \
  F(C_GetInfo, LIBRARY, REAL, (CK_INFO_PTR a), a) \
  F(C_GetSlotList, LIBRARY, OWN, (CK_BBOOL a, CK_SLOT_ID_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_GetSlotInfo, SLOT, REAL, (CK_SLOT_ID a, CK_SLOT_INFO_PTR b), a, b) \
  F(C_GetTokenInfo, SLOT, OWN, (CK_SLOT_ID a, CK_TOKEN_INFO_PTR b), a, b) \
  F(C_WaitForSlotEvent, LIBRARY, REAL, (CK_FLAGS a, CK_SLOT_ID_PTR b, void *c), a, b, c) \
  F(C_GetMechanismList, SLOT, REAL, (CK_SLOT_ID a, CK_MECHANISM_TYPE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_GetMechanismInfo, SLOT, REAL, (CK_SLOT_ID a, CK_MECHANISM_TYPE b, CK_MECHANISM_INFO_PTR c), a, b, c) \
  F(C_InitToken, SLOT, REAL, (CK_SLOT_ID a, SHIM_BYTES_IN, CK_BYTE_PTR d), a, b, c, d) \
  F(C_InitPIN, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_SetPIN, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN, CK_BYTE_PTR d, CK_ULONG e), a, b, c, d, e) \
  F(C_OpenSession, SLOT, REAL, (CK_SLOT_ID a, CK_FLAGS b, void *c, CK_NOTIFY d, CK_SESSION_HANDLE_PTR e), a, b, c, d, e) \
  F(C_CloseSession, SESSION, REAL, (CK_SESSION_HANDLE a), a) \
  F(C_CloseAllSessions, SLOT, REAL, (CK_SLOT_ID a), a) \
  F(C_GetSessionInfo, SESSION, REAL, (CK_SESSION_HANDLE a, CK_SESSION_INFO_PTR b), a, b) \
  F(C_GetOperationState, SESSION, REAL, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_SetOperationState, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN, CK_OBJECT_HANDLE d, CK_OBJECT_HANDLE e), a, b, c, d, e) \
  F(C_Login, SESSION, HAND, (CK_SESSION_HANDLE a, CK_USER_TYPE b, CK_BYTE_PTR c, CK_ULONG d), a, b, c, d) \
  F(C_Logout, SESSION, REAL, (CK_SESSION_HANDLE a), a) \
  F(C_CreateObject, SESSION, REAL, (CK_SESSION_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), a, b, c, d) \
  F(C_CopyObject, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_PTR c, CK_ULONG d, CK_OBJECT_HANDLE_PTR e), a, b, c, d, e) \
  F(C_DestroyObject, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), a, b) \
  F(C_GetObjectSize, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ULONG_PTR c), a, b, c) \
  F(C_GetAttributeValue, SESSION, OWN, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_PTR c, CK_ULONG d), a, b, c, d) \
  F(C_SetAttributeValue, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_PTR c, CK_ULONG d), a, b, c, d) \
  F(C_FindObjectsInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), a, b, c) \
  F(C_FindObjects, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE_PTR b, CK_ULONG c, CK_ULONG_PTR d), a, b, c, d) \
  F(C_FindObjectsFinal, SESSION, REAL, (CK_SESSION_HANDLE a), a) \
  F(C_EncryptInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_Encrypt, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_EncryptUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_EncryptFinal, SESSION, REAL, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_DecryptInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_Decrypt, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DecryptUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DecryptFinal, SESSION, REAL, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_DigestInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b), a, b) \
  F(C_Digest, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DigestUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_DigestKey, SESSION, REAL, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), a, b) \
  F(C_DigestFinal, SESSION, REAL, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_SignInit, SESSION, OWN, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_Sign, SESSION, HAND, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_SignUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_SignFinal, SESSION, REAL, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG_PTR c), a, b, c) \
  F(C_SignRecoverInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_SignRecover, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_VerifyInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_Verify, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN, CK_BYTE_PTR d, CK_ULONG e), a, b, c, d, e) \
  F(C_VerifyUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_VerifyFinal, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_VerifyRecoverInit, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c) \
  F(C_VerifyRecover, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DigestEncryptUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DecryptDigestUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_SignEncryptUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_DecryptVerifyUpdate, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN_OUT), a, b, c, d, e) \
  F(C_GenerateKey, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_ATTRIBUTE_PTR c, CK_ULONG d, CK_OBJECT_HANDLE_PTR e), a, b, c, d, e) \
  F(C_GenerateKeyPair, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_ATTRIBUTE_PTR c, CK_ULONG d, CK_ATTRIBUTE_PTR e, CK_ULONG f, CK_OBJECT_HANDLE_PTR g, CK_OBJECT_HANDLE_PTR h), a, b, c, d, e, f, g, h) \
  F(C_WrapKey, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c, CK_OBJECT_HANDLE d, CK_BYTE_PTR e, CK_ULONG_PTR f), a, b, c, d, e, f) \
  F(C_UnwrapKey, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c, CK_BYTE_PTR d, CK_ULONG e, CK_ATTRIBUTE_PTR f, CK_ULONG g, CK_OBJECT_HANDLE_PTR h), a, b, c, d, e, f, g, h) \
  F(C_DeriveKey, SESSION, REAL, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c, CK_ATTRIBUTE_PTR d, CK_ULONG e, CK_OBJECT_HANDLE_PTR f), a, b, c, d, e, f) \
  F(C_SeedRandom, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_GenerateRandom, SESSION, REAL, (CK_SESSION_HANDLE a, SHIM_BYTES_IN), a, b, c) \
  F(C_GetFunctionStatus, SESSION, REAL, (CK_SESSION_HANDLE a), a) \
  F(C_CancelFunction, SESSION, REAL, (CK_SESSION_HANDLE a), a)
/* clang-format on */

#define SHIM_FUNCTION_NUMBER(name, kind, how, parameters, ...) SHIM_##name,
enum shim_function { SHIM_FUNCTIONS(SHIM_FUNCTION_NUMBER) SHIM_NUM_FUNCTIONS };

#endif
