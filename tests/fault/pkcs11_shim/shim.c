/*
 * A PKCS #11 module around a real one, with faults in it (faults.h), in the processes that load it
 * (folder.h). Its folder is named by the C_Initialize arguments, "shim=FOLDER" in front of the real
 * module's own, or else is the one that the module lies in (a copy or a link of it).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attributes.h"
#include "folder.h"
#include "functions.h"
#include "names.h"

enum kind { LIBRARY, SLOT, SESSION };

struct call {
  enum shim_function function;
  enum kind kind;
  unsigned long first; /* argument: slot or session */
  int64_t started_us;
  CK_RV rv; /* of a call that does not reach the module */
  bool flip;
  struct shim_token token;
  const char *detail;
};

/* What NSS reads: one pointer more than PKCS #11 has. */
struct initialize_args {
  CK_C_INITIALIZE_ARGS args;
  void *reserved_by_nss;
};

#define MAX_PENDING 64

static CK_FUNCTION_LIST *real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under it: sessions whose signature waits for C_Login(CKU_CONTEXT_SPECIFIC); the PIN for that. */
static CK_SESSION_HANDLE pending[MAX_PENDING];
static unsigned char user_pin[SHIM_MAX_PIN_LEN];
static CK_ULONG user_pin_len;

static int64_t now_us(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void close_all_sessions(void) {
  CK_SLOT_ID slots[64];
  CK_ULONG num_slots = sizeof slots / sizeof slots[0];
  if (real->C_GetSlotList(CK_TRUE, slots, &num_slots) != CKR_OK) return;
  for (CK_ULONG i = 0; i < num_slots; i++)
    (void)real->C_CloseAllSessions(slots[i]);
}

static void pause_us(unsigned long duration_us) {
  struct timespec rest = {.tv_sec = (time_t)(duration_us / 1000000),
                          .tv_nsec = (long)(duration_us % 1000000) * 1000};
  while (nanosleep(&rest, &rest) != 0)
    continue;
}

/* The ways a call does not come back; each is on record before it happens. */
static void end_here(const struct call *call, enum shim_action action) {
  static const char *const names[] = {
      [SHIM_HANG] = "hang", [SHIM_ABORT] = "abort", [SHIM_SEGFAULT] = "segfault"};
  shim_folder_log(call->function, names[action], 0, call->detail);
  if (action == SHIM_ABORT) abort();
  if (action == SHIM_SEGFAULT) (void)raise(SIGSEGV);
  for (;;)
    (void)pause();
}

/* What a module has no business with: a filter kills the process for it, or the call goes on. */
static void misbehave(enum shim_action action) {
  static char *const nothing[] = {NULL};
  if (action == SHIM_TERMINATE) (void)raise(SIGTERM);
  if (action == SHIM_EXECUTE) (void)execve("/nonexistent", nothing, nothing);
  if (action != SHIM_CONNECT) return;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) (void)close(fd);
}

/* Counts the call and does what is wrong with it. False: it ends here, with call->rv. */
static bool enter(struct call *call) {
  struct shim_faults faults;
  uint64_t number;
  unsigned long value;
  call->started_us = now_us();
  call->rv = CKR_CRYPTOKI_NOT_INITIALIZED;
  if (!real) return false;
  call->rv = CKR_GENERAL_ERROR;
  if (!shim_folder_count(call->function, &faults, &number)) return false;
  call->token = faults.token;
  if (shim_faults_find(&faults, call->function, number, SHIM_DELAY, &value)) pause_us(value);
  for (enum shim_action action = SHIM_HANG; action <= SHIM_SEGFAULT; action++) {
    if (shim_faults_find(&faults, call->function, number, action, &value)) end_here(call, action);
  }
  for (enum shim_action action = SHIM_TERMINATE; action <= SHIM_CONNECT; action++) {
    if (shim_faults_find(&faults, call->function, number, action, &value)) misbehave(action);
  }
  if (shim_faults_find(&faults, call->function, number, SHIM_RETURN, &call->rv)) return false;
  /* Sessions and login do not survive that the token is pulled out. */
  if (shim_faults_find(&faults, call->function, number, SHIM_CLOSE_SESSIONS, &value) ||
      call->token.is_removed)
    close_all_sessions();
  if (shim_faults_find(&faults, call->function, number, SHIM_LOG_OUT, &value) &&
      call->kind == SESSION)
    (void)real->C_Logout(call->first);
  call->flip = shim_faults_find(&faults, call->function, number, SHIM_FLIP, &value);
  call->rv = call->token.removed_rv;
  return !call->token.is_removed || call->kind == LIBRARY;
}

static CK_RV leave(const struct call *call, CK_RV rv) {
  char text[32];
  if (real)
    shim_folder_log(call->function, shim_result_name(rv, text, sizeof text),
                    (uint64_t)(now_us() - call->started_us), call->detail);
  return rv;
}

/* Remembers or forgets that a session's signature needs a login of its own; tells what was. */
static bool set_pending(CK_SESSION_HANDLE session, bool value) {
  (void)pthread_mutex_lock(&lock);
  size_t i = 0, free_place = MAX_PENDING;
  for (; i < MAX_PENDING && pending[i] != session; i++) {
    if (!pending[i] && free_place == MAX_PENDING) free_place = i;
  }
  bool was = i < MAX_PENDING;
  if (was && !value) pending[i] = 0;
  if (!was && value && free_place < MAX_PENDING) pending[free_place] = session;
  (void)pthread_mutex_unlock(&lock);
  return was;
}

static CK_RV own_C_GetSlotList(struct call *call, CK_BBOOL present, CK_SLOT_ID *slots,
                               CK_ULONG *num_slots) {
  if (!call->token.is_removed) return real->C_GetSlotList(present, slots, num_slots);
  *num_slots = 0;
  return CKR_OK;
}

static CK_RV own_C_GetTokenInfo(struct call *call, CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
  CK_RV rv = real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK) info->flags = (info->flags | call->token.set_flags) & ~call->token.clear_flags;
  return rv;
}

static CK_RV log_in_for_one(CK_SESSION_HANDLE session, const CK_BYTE *pin, CK_ULONG len) {
  (void)pthread_mutex_lock(&lock);
  bool is_right = len == user_pin_len && memcmp(pin, user_pin, len) == 0;
  (void)pthread_mutex_unlock(&lock);
  if (!is_right) return CKR_PIN_INCORRECT;
  return set_pending(session, false) ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static CK_RV log_in(const struct call *call, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG len) {
  CK_BYTE typed[SHIM_MAX_PIN_LEN];
  if (call->token.has_protected_path && !pin) {
    len = (CK_ULONG)strlen(call->token.pin);
    memcpy(typed, call->token.pin, len);
    pin = typed;
  }
  if (call->token.always_authenticate && user == CKU_CONTEXT_SPECIFIC)
    return log_in_for_one(call->first, pin, len);
  CK_RV rv = real->C_Login(call->first, user, pin, len);
  if (rv == CKR_OK && user == CKU_USER && len <= sizeof user_pin) {
    (void)pthread_mutex_lock(&lock);
    memcpy(user_pin, pin, len);
    user_pin_len = len;
    (void)pthread_mutex_unlock(&lock);
  }
  return rv;
}

static CK_RV shim_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin,
                          CK_ULONG len) {
  struct call call = {.function = SHIM_C_Login, .kind = SESSION, .first = session};
  call.detail = user == CKU_USER ? "user" : user == CKU_SO ? "so" : "context";
  return leave(&call, enter(&call) ? log_in(&call, user, pin, len) : call.rv);
}

static CK_RV own_C_GetAttributeValue(struct call *call, CK_SESSION_HANDLE session,
                                     CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
                                     CK_ULONG num_attributes) {
  CK_RV rv = real->C_GetAttributeValue(session, object, template, num_attributes);
  return shim_attributes_change(&call->token, template, num_attributes, rv);
}

static CK_RV own_C_SignInit(struct call *call, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                            CK_OBJECT_HANDLE key) {
  CK_RV rv = real->C_SignInit(session, mechanism, key);
  if (rv == CKR_OK) (void)set_pending(session, call->token.always_authenticate);
  return rv;
}

static CK_RV shim_C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
                         CK_BYTE *signature, CK_ULONG *signature_len) {
  struct call call = {.function = SHIM_C_Sign, .kind = SESSION, .first = session};
  if (real && !signature) return real->C_Sign(session, data, data_len, NULL, signature_len);
  if (!enter(&call)) {
    /* A failed C_Sign ends the operation: the next C_SignInit must not find it active. */
    CK_BYTE nobodys[8192];
    CK_ULONG len = sizeof nobodys;
    if (real) (void)real->C_Sign(session, data, data_len, nobodys, &len);
    return leave(&call, call.rv);
  }
  bool is_refused = set_pending(session, false);
  CK_RV rv = real->C_Sign(session, data, data_len, signature, signature_len);
  if (is_refused) {
    /* The operation is over, and the signature nobody's. */
    if (rv == CKR_OK) memset(signature, 0, *signature_len);
    rv = CKR_USER_NOT_LOGGED_IN;
  }
  if (rv == CKR_OK && call.flip) signature[0] ^= 1;
  return leave(&call, rv);
}

/* "shim=FOLDER REST", or no such word at the start: then the folder that this module lies in. */
static const char *split_args(const char *args, char *out_folder, size_t size) {
  if (args && strncmp(args, "shim=", 5) == 0) {
    args += 5;
    size_t len = strcspn(args, " ");
    (void)snprintf(out_folder, size, "%.*s", (int)len, args);
    args += len + strspn(args + len, " ");
  } else {
    static const char anchor;
    Dl_info info;
    char *slash = NULL;
    if (dladdr(&anchor, &info)) {
      (void)snprintf(out_folder, size, "%s", info.dli_fname);
      slash = strrchr(out_folder, '/');
    }
    if (slash)
      *slash = 0;
    else
      (void)snprintf(out_folder, size, ".");
  }
  return args && *args ? args : NULL;
}

static bool load(const char *folder) {
  static CK_FUNCTION_LIST *loaded;
  char module[SHIM_MAX_PATH];
  CK_RV (*get_function_list)(CK_FUNCTION_LIST **) = NULL;
  if (!shim_folder_open(folder, module)) return false;
  void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
  memcpy(&get_function_list, &symbol, sizeof symbol);
  if (!get_function_list || get_function_list(&loaded) != CKR_OK) {
    (void)fprintf(stderr, "pkcs11-shim: %s: %s\n", module, library ? "no module" : dlerror());
    return false;
  }
  real = loaded;
  return true;
}

static CK_RV shim_C_Initialize(void *pointer) {
  struct call call = {.function = SHIM_C_Initialize, .kind = LIBRARY};
  struct initialize_args own = {0};
  const char *args = NULL;
  char folder[SHIM_MAX_PATH];
  if (pointer) memcpy(&own.args, pointer, sizeof own.args);
  args = split_args(own.args.pReserved, folder, sizeof folder);
  memcpy(&own.args.pReserved, &args, sizeof args);
  (void)pthread_mutex_lock(&lock);
  bool is_loaded = real || load(folder);
  (void)pthread_mutex_unlock(&lock);
  if (!is_loaded) return CKR_GENERAL_ERROR;
  return leave(&call, enter(&call) ? real->C_Initialize(pointer ? &own : NULL) : call.rv);
}

#define CALL_REAL(name, ...) real->name(__VA_ARGS__)
#define CALL_OWN(name, ...) own_##name(&call, __VA_ARGS__)
#define DEFINE_HAND(name, kind_, how, parameters, ...)
#define DEFINE_REAL(name, kind_, how, parameters, ...)                                             \
  static CK_RV shim_##name parameters {                                                            \
    struct call call = {                                                                           \
        .function = SHIM_##name, .kind = kind_, .first = kind_ == LIBRARY ? 0 : (unsigned long)a}; \
    return leave(&call, enter(&call) ? CALL_##how(name, __VA_ARGS__) : call.rv);                   \
  }
#define DEFINE_OWN DEFINE_REAL
#define DEFINE(name, kind_, how, parameters, ...) \
  DEFINE_##how(name, kind_, how, parameters, __VA_ARGS__)
SHIM_FUNCTIONS(DEFINE)

#define ENTRY(name, kind_, how, parameters, ...) .name = shim_##name,
static CK_FUNCTION_LIST function_list = {
    .version = {2, 40},
    SHIM_FUNCTIONS(ENTRY).C_GetFunctionList = C_GetFunctionList,
};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out) {
  if (!out) return CKR_ARGUMENTS_BAD;
  *out = &function_list;
  return CKR_OK;
}
