/* The open calls of a connection to a CA's daemon: numbered, sent in turn, bounded, on the clock.
 */
#ifndef ACME_CA_CALL_H
#define ACME_CA_CALL_H

#include "acme/ca.h"

#define ACME_CA_MAX_OPEN 4000u
#define ACME_CA_NUM_SLOTS 8192u /* a power of two: the low bits of a tag say the slot */

struct acme_ca_call {
  struct acme_ca_call *next;
  acme_ca_done *done; /* NULL: time was up, the answer is awaited no more */
  void *context;
  int64_t deadline_ms; /* of the monotonic clock */
  uint32_t tag;
  bool is_sent; /* wholly */
  bool is_now;  /* it does not wait for a connection */
  struct mtc_bytes frame;
};

/*
 * Every call has a slot from its start until it is answered or its connection lost, also after its
 * time was up: so an answer that comes late is known as one, and one that nobody asked for as
 * malformed. One thread only.
 */
struct acme_ca_calls {
  struct acme_ca_call *slots[ACME_CA_NUM_SLOTS];
  uint16_t free_slots[ACME_CA_NUM_SLOTS];
  size_t num_free, num_abandoned; /* abandoned: time was up, sent, not answered */
  uint32_t num_begun;
  struct acme_ca_call *first, *last; /* to be sent */
  size_t sent_len;                   /* of the first one */
  int64_t nearest_ms;                /* no deadline of an open call is earlier */
};

void acme_ca_calls_init(struct acme_ca_calls *calls);

/* Takes the call and queues it to be sent. Requires: at most ACME_CA_MAX_OPEN are open. */
void acme_ca_calls_begin(struct acme_ca_calls *calls, struct acme_ca_call *call);

/* Sends what is queued, as far as it goes. Errors: IO (the connection is lost; errno). */
mtc_status acme_ca_calls_send(struct acme_ca_calls *calls, int fd) MTC_MUST_CHECK;

/* Gives up the sent call with this tag, for the caller to end and free. NULL: nobody asked. */
struct acme_ca_call *acme_ca_calls_take(struct acme_ca_calls *calls, uint32_t tag);

/* Takes one call out whose time is up at `now_ms`, as one to end; a sent one stays as an abandoned
 * one and *out is a copy of it. False: there is none, and nearest_ms is exact. */
bool acme_ca_calls_expire(struct acme_ca_calls *calls, int64_t now_ms, struct acme_ca_call *out);

/* Takes one out after the connection was lost: a sent one, or any when `all`. NULL: there is none,
 * and what is left starts from its first byte. */
struct acme_ca_call *acme_ca_calls_lose(struct acme_ca_calls *calls, bool all);

/* Takes one out that does not wait for a connection; there is none. NULL: there is no such call. */
struct acme_ca_call *acme_ca_calls_refuse(struct acme_ca_calls *calls);

void acme_ca_call_free(struct acme_ca_call *call);

#endif
