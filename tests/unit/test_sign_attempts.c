/* PINs cost attempts, and a token that has none left stops the CA: one that is wrong is tried once.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "support/shim_token.h"

static char latch[128];

static int fresh(void **state) {
  (void)snprintf(latch, sizeof latch, "%s/latch", folder);
  (void)unlink(latch);
  shim_write(folder, "pin", "123456\n");
  (void)snprintf(pin_source, sizeof pin_source, "file:%s/pin", folder);
  return nothing_wrong(state);
}

static struct mtc_signer_options latched_options(unsigned num_processes) {
  struct mtc_signer_options options = token_options();
  options.latch = latch;
  options.num_processes = num_processes;
  return options;
}

static void kill_children(void) {
  assert_int_equal(shell("pkill -KILL -P %d mtc-signer || [ $? -eq 1 ]", (int)getpid()), 0);
}

static void *sign_once(void *signer) {
  struct mtc_error error = {0};
  (void)sign(signer, &error);
  return NULL;
}

/* As a service manager does: again and again, each time a new daemon. */
static void restarted_daemons_share_one_attempt(void **state) {
  (void)state;
  const struct mtc_signer_source same_token[] = {
      {.key = URI, .module = module, .module_args = module_args, .pin_source = pin_source}};
  struct mtc_signer_options options = latched_options(4);
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  size_t num_lines = 0;
  options.standby = same_token;
  options.num_standby = 1;
  shim_write(folder, "pin", "654321\n");
  for (int i = 0; i < 4; i++) {
    assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
    assert_non_null(strstr(error.text, "PIN"));
  }
  assert_int_equal(calls("C_Login"), 1);
  /* The right PIN alone is not enough: somebody must say that he has looked. */
  shim_write(folder, "pin", "123456\n");
  assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "latched"));
  assert_int_equal(calls("C_Login"), 1);
  assert_int_equal(mtc_signer_unlatch_file(latch, &num_lines, &error), MTC_OK);
  assert_int_equal(num_lines, 1);
  must(mtc_signer_open(&options, &signer, &error), &error);
  must(sign(signer, &error), &error);
  mtc_signer_close(signer);
}

/* Somebody changes the PIN under a running daemon whose processes must all log in anew. */
static void many_processes_share_one_attempt(void **state) {
  (void)state;
  struct mtc_signer_options options = latched_options(6);
  struct mtc_signer *signer = NULL;
  struct mtc_signer_stats stats;
  struct mtc_error error = {0};
  pthread_t threads[12];
  must(mtc_signer_open(&options, &signer, &error), &error);
  for (int i = 0; i < 12; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, sign_once, signer), 0);
  for (int i = 0; i < 12; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  /* SoftHSM rewrites its files in a login; a process that reads them meanwhile may fail. */
  signs_in_the_end(signer);
  mtc_signer_stats(signer, &stats);
  assert_true(stats.sources[0].num_processes > 1);

  shim_write(folder, "pin", "654321\n");
  kill_children();
  (void)nothing_wrong(state);
  for (int i = 0; i < 12; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, sign_once, signer), 0);
  for (int i = 0; i < 12; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(shim_calls(folder, "C_Login CKR_PIN_INCORRECT", NULL), 1);
  assert_int_equal(calls("C_Login"), 1);
  mtc_signer_stats(signer, &stats);
  assert_true(stats.latched);
  for (int i = 0; i < 5; i++)
    assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_int_equal(calls("C_Login"), 1);

  shim_write(folder, "pin", "123456\n");
  must(mtc_signer_unlatch(signer, &error), &error);
  must(sign(signer, &error), &error);
  mtc_signer_close(signer);
}

/* The sessions go while the PIN is wrong: pkcs11-helper logs in again by itself, and again. */
static void a_lost_session_costs_one_attempt(void **state) {
  static const char both[] =
      "C_Sign return CKR_USER_NOT_LOGGED_IN @1\n"
      "C_Sign close-sessions @1";
  static const char *const faults[] = {"C_Sign close-sessions @1", "C_SignInit log-out @1", both};
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    struct mtc_signer_options options = latched_options(1);
    struct mtc_signer *signer = NULL;
    struct mtc_error error = {0};
    (void)fresh(state);
    must(mtc_signer_open(&options, &signer, &error), &error);
    must(sign(signer, &error), &error);
    shim_write(folder, "pin", "654321\n");
    (void)nothing_wrong(state);
    shim_faults(folder, faults[i]);
    for (int j = 0; j < 4; j++)
      assert_int_equal(sign(signer, &error), MTC_TOKEN);
    if (calls("C_Login") != 1) fail_msg("%s: %u attempts", faults[i], calls("C_Login"));
    mtc_signer_close(signer);
  }
}

/* Somebody mistypes on the keypad when the session has to be opened again. */
static void a_keypad_costs_one_attempt(void **state) {
  (void)state;
  *pin_source = 0;
  struct mtc_signer_options options = latched_options(1);
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  shim_faults(folder, "token protected-path 123456\n");
  must(mtc_signer_open(&options, &signer, &error), &error);
  must(sign(signer, &error), &error);
  (void)shell(": >%s/calls", folder);
  shim_faults(folder, "token protected-path 654321\nC_Sign close-sessions @1\n");
  assert_int_equal(sign(signer, &error), MTC_TOKEN);
  mtc_signer_close(signer);
  /* The next daemon does not ask anybody to type. */
  assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "latched"));
  assert_int_equal(calls("C_Login"), 1);
}

/* A PIN for each signature: the second prompt of one operation must not spend another attempt. */
static void a_wrong_pin_for_each_signature_costs_one_attempt(void **state) {
  (void)state;
  struct mtc_signer_options options = latched_options(1);
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  shim_faults(folder, "token always-authenticate\n");
  must(mtc_signer_open(&options, &signer, &error), &error);
  must(sign(signer, &error), &error);
  shim_write(folder, "pin", "654321\n");
  (void)nothing_wrong(state);
  shim_faults(folder, "token always-authenticate\n");
  for (int i = 0; i < 3; i++)
    assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_int_equal(calls("C_Login CKR_OK"), 0);
  assert_int_equal(shim_calls(folder, "C_Login CKR_PIN_INCORRECT", NULL), 1);
  mtc_signer_close(signer);
}

/* The daemon dies while the token thinks about a wrong PIN: the next one knows all the same. */
static void a_refusal_outlives_the_daemon(void **state) {
  (void)state;
  struct mtc_signer_options options = latched_options(1);
  struct mtc_signer *signer = NULL;
  struct mtc_error error = {0};
  shim_write(folder, "pin", "654321\n");
  shim_faults(folder, "C_Login delay 500ms\n");
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    _exit(mtc_signer_open(&options, &signer, &error) != MTC_OK);
  }
  /* The attempt is under way once C_Initialize has been and C_OpenSession is there for it. */
  while (calls("C_OpenSession CKR_OK") == 0)
    (void)usleep(1000);
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
  assert_int_equal(calls("C_Login"), 1);
  assert_non_null(strstr(error.text, "latched"));
}

/* What is refused without an attempt is refused again when it has been mended: nothing was lost. */
static void flags_cost_no_attempt(void **state) {
  static const char *const flags[] = {"CKF_USER_PIN_LOCKED", "CKF_USER_PIN_FINAL_TRY"};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct mtc_signer_options options = latched_options(1);
    struct mtc_signer *signer = NULL;
    struct mtc_error error = {0};
    char fault[64];
    (void)snprintf(fault, sizeof fault, "token set %s\n", flags[i]);
    shim_faults(folder, fault);
    assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
    assert_int_equal(calls("C_Login"), 0);
    shim_faults(folder, "");
    must(mtc_signer_open(&options, &signer, &error), &error);
    mtc_signer_close(signer);
    (void)nothing_wrong(state);
  }
}

/* A wrong signature is an alarm: in this daemon and in the next one, until somebody has looked. */
static void a_wrong_signature_is_asked_for_once(void **state) {
  const struct mtc_signer_source same_token[] = {
      {.key = URI, .module = module, .module_args = module_args, .pin_source = pin_source}};
  struct mtc_signer_options options = latched_options(2);
  struct mtc_signer *signer = NULL;
  struct mtc_signer_stats stats;
  struct mtc_error error = {0};
  size_t num_lines = 0;
  (void)state;
  must(mtc_signer_open(&options, &signer, &error), &error);
  shim_faults(folder, "C_Sign flip\n");
  assert_int_equal(sign(signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "does not verify"));
  for (int i = 0; i < 3; i++) {
    assert_int_equal(sign(signer, &error), MTC_TOKEN);
    assert_non_null(strstr(error.text, "mtc signer unlatch"));
  }
  mtc_signer_stats(signer, &stats);
  assert_true(stats.latched);
  assert_int_equal(stats.sources[0].num_wrong, 1);
  assert_int_equal(calls("C_Sign"), 1);
  mtc_signer_close(signer);

  shim_faults(folder, "");
  options.standby = same_token;
  options.num_standby = 1;
  assert_int_equal(mtc_signer_open(&options, &signer, &error), MTC_TOKEN);
  assert_non_null(strstr(error.text, "latched"));
  assert_int_equal(mtc_signer_unlatch_file(latch, &num_lines, &error), MTC_OK);
  assert_int_equal(num_lines, 1);
  options.num_standby = 0;
  must(mtc_signer_open(&options, &signer, &error), &error);
  must(sign(signer, &error), &error);
  mtc_signer_close(signer);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(restarted_daemons_share_one_attempt),
      TEST(many_processes_share_one_attempt),
      TEST(a_lost_session_costs_one_attempt),
      TEST(a_keypad_costs_one_attempt),
      TEST(a_wrong_pin_for_each_signature_costs_one_attempt),
      TEST(a_refusal_outlives_the_daemon),
      TEST(flags_cost_no_attempt),
      TEST(a_wrong_signature_is_asked_for_once),
  };
  int failed = 0;
  if (!has_nss()) return 77;
  for (size_t i = 0; i < 2; i++) {
    token = &tokens[i];
    failed += cmocka_run_group_tests_name(token->name, tests, make_token, remove_token);
  }
  return failed;
}
