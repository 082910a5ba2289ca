/*
 * What is wrong with the token: the file "faults" of the shim's folder, a line each. It is read
 * anew whenever it has been replaced (write another file, then rename it).
 *
 *   FUNCTION ACTION [VALUE] [WHEN]     FUNCTION is C_Sign, say, or * for all but C_GetFunctionList
 *   C_Sign delay 20ms                  before the call: s, ms or us
 *   C_Sign hang @3                     never returns
 *   C_Sign abort | segfault            ends the process
 *   C_Sign terminate                   sends SIGTERM to the process, and goes on
 *   C_Sign execute | connect           executes a program, makes a network socket: what a filter
 * may not allow; else the call goes on C_Sign return CKR_DEVICE_ERROR @1+3 C_Sign close-sessions of
 * the whole token, before the call C_Sign log-out                     before the call, which needs
 * a session C_Sign flip                        a bit of the signature (C_Sign alone) token removed
 * [CKR_...]            no slots; CKR_TOKEN_NOT_PRESENT, or this, elsewhere token
 * always-authenticate          every key wants C_Login(CKU_CONTEXT_SPECIFIC) a signature token
 * protected-path PIN           has a keypad, on which somebody types this PIN token set | clear
 * CKF_USER_PIN_LOCKED token says CKA_NAME=true | false | changed   of every object; changed: a bit
 * of the first byte
 *
 * WHEN counts the function's calls since the file was first seen, in all processes together: @3 the
 * third alone, @3+2 two from the third on, @3- all from the third on; without WHEN every call.
 * C_Sign that only asks for the length is no call.
 */
#ifndef MTC_PKCS11_SHIM_FAULTS_H
#define MTC_PKCS11_SHIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_MAX_RULES 64
#define SHIM_MAX_PIN_LEN 256
#define SHIM_MAX_LIES 8

enum shim_action {
  SHIM_DELAY,
  SHIM_HANG,
  SHIM_ABORT,
  SHIM_SEGFAULT,
  SHIM_TERMINATE,
  SHIM_EXECUTE,
  SHIM_CONNECT,
  SHIM_RETURN,
  SHIM_CLOSE_SESSIONS,
  SHIM_LOG_OUT,
  SHIM_FLIP,
  SHIM_NUM_ACTIONS
};

struct shim_rule {
  size_t function; /* SHIM_NUM_FUNCTIONS: all */
  enum shim_action action;
  unsigned long value; /* microseconds, or a CK_RV */
  uint64_t first, num_calls;
};

/* What is said of an attribute. */
enum shim_how { SHIM_FALSE, SHIM_TRUE, SHIM_CHANGED };
struct shim_lie {
  unsigned long type; /* CKA_* */
  enum shim_how how;
};

/* What the token pretends to be. */
struct shim_token {
  bool is_removed, always_authenticate, has_protected_path;
  unsigned long removed_rv;
  unsigned long set_flags, clear_flags;
  char pin[SHIM_MAX_PIN_LEN + 1];
  struct shim_lie lies[SHIM_MAX_LIES];
  size_t num_lies;
};

struct shim_faults {
  struct shim_rule rules[SHIM_MAX_RULES];
  size_t num_rules;
  struct shim_token token;
};

/*
 * shim_faults_parse reads the text of a file of faults, which it changes.
 *
 * Output:   false: out_line is the line that says nothing known, within `text`.
 */
bool shim_faults_parse(char *text, struct shim_faults *out, const char **out_line);

/*
 * shim_faults_find tells whether an action is due in this call, and its value (of delays the sum).
 */
bool shim_faults_find(const struct shim_faults *faults, size_t function, uint64_t call,
                      enum shim_action action, unsigned long *out_value);

#endif
