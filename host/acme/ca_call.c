/* The open calls of a connection to a CA's daemon. */
#include "acme/ca_call.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mtc/runtime.h"
#include "rpc/frame.h"

#define MAX_PIECES 64
#define SLOT_OF(tag) ((tag) & (ACME_CA_NUM_SLOTS - 1))
#define TAG_OFFSET (RPC_LENGTH_LEN + 1u)

void acme_ca_call_free(struct acme_ca_call *call) {
  if (!call) return;
  mtc_bytes_wipe(&call->frame);
  mtc_free(call);
}

void acme_ca_calls_init(struct acme_ca_calls *calls) {
  *calls = (struct acme_ca_calls){.num_free = ACME_CA_NUM_SLOTS, .nearest_ms = INT64_MAX};
  for (size_t i = 0; i < ACME_CA_NUM_SLOTS; i++)
    calls->free_slots[i] = (uint16_t)(ACME_CA_NUM_SLOTS - 1 - i);
}

void acme_ca_calls_begin(struct acme_ca_calls *calls, struct acme_ca_call *call) {
  /* The upper bits differ from call to call: an answer to the slot's last call is not this one's.
   */
  uint32_t slot = calls->free_slots[--calls->num_free];
  call->tag = calls->num_begun++ * ACME_CA_NUM_SLOTS | slot;
  for (unsigned i = 0; i < 4; i++)
    call->frame.data[TAG_OFFSET + i] = (uint8_t)(call->tag >> (24 - 8 * i));
  calls->slots[slot] = call;
  call->next = NULL;
  if (calls->last)
    calls->last->next = call;
  else
    calls->first = call;
  calls->last = call;
  if (call->deadline_ms < calls->nearest_ms) calls->nearest_ms = call->deadline_ms;
}

static void free_slot(struct acme_ca_calls *calls, const struct acme_ca_call *call) {
  uint32_t slot = SLOT_OF(call->tag);
  calls->slots[slot] = NULL;
  calls->free_slots[calls->num_free++] = (uint16_t)slot;
}

static struct acme_ca_call *take_first(struct acme_ca_calls *calls) {
  struct acme_ca_call *call = calls->first;
  calls->first = call->next;
  if (!calls->first) calls->last = NULL;
  call->next = NULL;
  calls->sent_len = 0;
  return call;
}

static void advance(struct acme_ca_calls *calls, size_t sent) {
  sent += calls->sent_len;
  while (calls->first && sent >= calls->first->frame.len) {
    sent -= calls->first->frame.len;
    struct acme_ca_call *call = take_first(calls);
    call->is_sent = true;
    mtc_bytes_wipe(&call->frame);
  }
  calls->sent_len = sent;
}

mtc_status acme_ca_calls_send(struct acme_ca_calls *calls, int fd) {
  while (calls->first) {
    struct iovec pieces[MAX_PIECES];
    struct msghdr message = {.msg_iov = pieces};
    size_t skip = calls->sent_len;
    for (struct acme_ca_call *call = calls->first; call && message.msg_iovlen < MAX_PIECES;
         call = call->next) {
      pieces[message.msg_iovlen++] =
          (struct iovec){call->frame.data + skip, call->frame.len - skip};
      skip = 0;
    }
    ssize_t count = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN ? MTC_OK : MTC_IO;
    advance(calls, (size_t)count);
  }
  return MTC_OK;
}

struct acme_ca_call *acme_ca_calls_take(struct acme_ca_calls *calls, uint32_t tag) {
  struct acme_ca_call *call = calls->slots[SLOT_OF(tag)];
  if (!call || call->tag != tag || !call->is_sent) return NULL;
  if (!call->done) calls->num_abandoned--;
  free_slot(calls, call);
  return call;
}

/* Takes a call out of those to be sent. */
static void unqueue(struct acme_ca_calls *calls, struct acme_ca_call *call) {
  if (calls->first == call) {
    (void)take_first(calls);
    return;
  }
  struct acme_ca_call *before = calls->first;
  while (before->next != call)
    before = before->next;
  before->next = call->next;
  if (calls->last == call) calls->last = before;
}

bool acme_ca_calls_expire(struct acme_ca_calls *calls, int64_t now_ms, struct acme_ca_call *out) {
  if (now_ms < calls->nearest_ms) return false;
  int64_t nearest_ms = INT64_MAX;
  for (size_t i = 0; i < ACME_CA_NUM_SLOTS; i++) {
    struct acme_ca_call *call = calls->slots[i];
    if (!call || !call->done) continue;
    if (now_ms < call->deadline_ms) {
      if (call->deadline_ms < nearest_ms) nearest_ms = call->deadline_ms;
      continue;
    }
    *out = *call;
    out->frame = (struct mtc_bytes){0};
    /* One of which a part was sent must go out whole: the daemon waits for the rest. */
    if (call->is_sent || (call == calls->first && calls->sent_len)) {
      call->done = NULL;
      calls->num_abandoned++;
    } else {
      unqueue(calls, call);
      free_slot(calls, call);
      acme_ca_call_free(call);
    }
    return true;
  }
  calls->nearest_ms = nearest_ms;
  return false;
}

struct acme_ca_call *acme_ca_calls_lose(struct acme_ca_calls *calls, bool all) {
  calls->sent_len = 0;
  for (size_t i = 0; i < ACME_CA_NUM_SLOTS; i++) {
    struct acme_ca_call *call = calls->slots[i];
    /* An abandoned one of which only a part was sent is not started again. */
    if (!call || (!call->is_sent && call->done && !all)) continue;
    if (!call->is_sent) unqueue(calls, call);
    if (!call->done) calls->num_abandoned--;
    free_slot(calls, call);
    return call;
  }
  return NULL;
}

struct acme_ca_call *acme_ca_calls_refuse(struct acme_ca_calls *calls) {
  struct acme_ca_call *call = calls->first;
  while (call && !(call->is_now && call->done))
    call = call->next;
  if (!call) return NULL;
  unqueue(calls, call);
  free_slot(calls, call);
  return call;
}
