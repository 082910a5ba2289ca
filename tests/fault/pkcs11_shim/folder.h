/*
 * The shim's folder, which every process that loads the module shares:
 *
 *   module   first line: the real module's path; further lines NAME=VALUE go into the environment
 *            before it is loaded, where it is not set
 *   faults   what is wrong (faults.h); absent: nothing
 *   calls    a line a call, appended: FUNCTION RESULT PID MICROSECONDS [DETAIL]
 *            RESULT is CKR_..., or hang, abort, segfault; DETAIL of C_Login is so, user or context
 *   state    how many calls there have been, shared in memory
 */
#ifndef MTC_PKCS11_SHIM_FOLDER_H
#define MTC_PKCS11_SHIM_FOLDER_H

#include "faults.h"

#define SHIM_MAX_PATH 4096

/*
 * shim_folder_open opens the folder and reads which module is the real one.
 *
 * Errors:   false, with a line on standard error.
 */
bool shim_folder_open(const char *path, char out_module[SHIM_MAX_PATH]);

/*
 * shim_folder_count counts a call and gives its number since the faults were written, and them.
 *
 * Errors:   false when the file of faults is malformed, with a line on standard error: a test that
 *           asks for what is not known must not pass as if nothing were wrong.
 * Threads:  any; processes too.
 */
bool shim_folder_count(size_t function, struct shim_faults *out_faults, uint64_t *out_call);

/*
 * shim_folder_log appends a line to "calls"; detail may be NULL.
 */
void shim_folder_log(size_t function, const char *result, uint64_t duration_us, const char *detail);

#endif
