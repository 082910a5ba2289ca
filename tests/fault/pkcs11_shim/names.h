/* PKCS #11 names in texts: what a test writes, and what the shim writes for tests to read. */
#ifndef MTC_PKCS11_SHIM_NAMES_H
#define MTC_PKCS11_SHIM_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * shim_result_of reads a CK_RV: "CKR_DEVICE_ERROR", or a number.
 */
bool shim_result_of(const char *text, unsigned long *out_rv);

/*
 * shim_result_name writes a CK_RV as shim_result_of reads it.
 */
const char *shim_result_name(unsigned long rv, char *out_text, size_t size);

/*
 * shim_flag_of reads a flag of CK_TOKEN_INFO: "CKF_USER_PIN_LOCKED", or a number.
 */
bool shim_flag_of(const char *text, unsigned long *out_flag);

/*
 * shim_attribute_of reads one of the attributes that a test lies about: "CKA_LOCAL", or a number.
 */
bool shim_attribute_of(const char *text, unsigned long *out_type);

/*
 * shim_function_of reads the name of a function of the table.
 */
bool shim_function_of(const char *text, size_t *out_function);

/*
 * shim_function_name is the other way round.
 */
const char *shim_function_name(size_t function);

#endif
