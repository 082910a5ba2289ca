/* An order that is processing, between its steps. For issue.c, issue_caa.c, issue_end.c. */
#ifndef ACME_ISSUE_H
#define ACME_ISSUE_H

#include "acme/order.h"

struct acme_caa_check;

struct acme_issuing {
  struct acme_job job; /* first */
  struct acme_retry retry;
  struct acme_server *server;
  uint64_t order_id;
  struct acme_waiting *waiting; /* NULL: nobody waits, or no longer */
  int64_t claimed_s;            /* whoever else takes the order up changes it in the row */
  int64_t begun_ms;
  int64_t delay_ms; /* before the next try */
  bool is_current;  /* the order is processing, and ours */
  /* The daemon may have the request, by this process or another: what may not be issued any more is
   * withdrawn there before it ends. */
  bool may_be_known;
  bool is_tree;
  char profile[65]; /* ours */
  struct mtc_bytes csr;
  char account_uri[256];
  /* CAA that has to be looked at again. */
  struct acme_caa_check *checks;
  size_t num_checks, num_open;
  bool is_caa_checked;
  /* How it ended: a problem, or the daemon's answer. */
  struct acme_problem problem;
  bool is_settled; /* by the daemon: the problem is final whoever has the order */
  struct mtc_bytes answer;
};

/*
 * acme_issue_check_caa submits the checks; goes on with acme_issue_call or acme_issue_give_up.
 */
void acme_issue_check_caa(struct acme_issuing *issuing);

/*
 * acme_issue_call asks the CA's daemon for the certificate.
 */
void acme_issue_call(struct acme_issuing *issuing);

/*
 * acme_issue_give_up ends with the problem an order that may not be issued any more, unless the
 * daemon has issued it: then with its certificate.
 */
void acme_issue_give_up(struct acme_issuing *issuing);

/*
 * acme_issue_end writes how it ended, as a job, and answers who waits for it.
 */
void acme_issue_end(struct acme_issuing *issuing);

/*
 * acme_issue_again begins from the order's row again, later; or leaves it to the sweep.
 */
void acme_issue_again(struct acme_issuing *issuing);

/*
 * acme_issue_refuse answers who waits with the problem.
 */
void acme_issue_refuse(struct acme_issuing *issuing);

/*
 * acme_issue_answer answers who waits with the order's object, which is taken over; NULL: it is
 * still processing.
 */
void acme_issue_answer(struct acme_issuing *issuing, json_t *order);

/* One name's CAA on its way. */
struct acme_caa_check {
  struct acme_job job; /* first */
  struct acme_issuing *issuing;
  struct acme_validation validation;
  struct acme_validation_result result;
};

#endif
