#include "acme/queue.h"

#include "mtc/runtime.h"

/* What one account has waiting and running. It is there as long as there is any. */
struct acme_line {
  struct acme_line *next_of_bucket;
  struct acme_line *next; /* whose turn is after this one's */
  bool is_next;           /* in that list */
  uint64_t account_id;
  struct acme_turn *first, *last;
  unsigned num_waiting, num_running;
};

static struct acme_line **find(struct acme_queue *queue, uint64_t account_id) {
  struct acme_line **at = &queue->lines[account_id % ACME_QUEUE_BUCKETS];
  while (*at && (*at)->account_id != account_id)
    at = &(*at)->next_of_bucket;
  return at;
}

/* Puts a line behind the others whose turn comes, if one of its own may run. */
static void line_up(struct acme_queue *queue, struct acme_line *line) {
  if (line->is_next || !line->num_waiting || line->num_running >= queue->max_running_each) return;
  line->is_next = true;
  line->next = NULL;
  if (queue->last)
    queue->last->next = line;
  else
    queue->first = line;
  queue->last = line;
}

static void forget_empty(struct acme_queue *queue, struct acme_line *line) {
  if (line->num_waiting || line->num_running) return;
  *find(queue, line->account_id) = line->next_of_bucket;
  mtc_free(line);
}

mtc_status acme_queue_put(struct acme_queue *queue, uint64_t account_id, struct acme_turn *turn) {
  struct acme_line **at = find(queue, account_id), *line = *at;
  if (queue->num_waiting >= queue->max_waiting ||
      (line && line->num_waiting >= queue->max_waiting_each))
    return MTC_BUSY;
  if (!line) {
    line = mtc_alloc(1, sizeof *line);
    if (!line) return MTC_NOMEM;
    line->account_id = account_id;
    *at = line;
  }
  *turn = (struct acme_turn){.line = line};
  if (line->num_waiting)
    line->last->next = turn;
  else
    line->first = turn;
  line->last = turn;
  line->num_waiting++;
  queue->num_waiting++;
  line_up(queue, line);
  return MTC_OK;
}

static struct acme_line *take_line(struct acme_queue *queue) {
  struct acme_line *line = queue->first;
  if (!line) return NULL;
  queue->first = line->next;
  if (!queue->first) queue->last = NULL;
  line->is_next = false;
  return line;
}

static struct acme_turn *take_turn(struct acme_queue *queue, struct acme_line *line) {
  struct acme_turn *turn = line->first;
  line->first = turn->next;
  line->num_waiting--;
  queue->num_waiting--;
  return turn;
}

struct acme_turn *acme_queue_take(struct acme_queue *queue) {
  struct acme_line *line = take_line(queue);
  if (!line) return NULL;
  struct acme_turn *turn = take_turn(queue, line);
  line->num_running++;
  line_up(queue, line);
  return turn;
}

void acme_queue_end(struct acme_queue *queue, const struct acme_turn *turn) {
  struct acme_line *line = turn->line;
  line->num_running--;
  line_up(queue, line);
  forget_empty(queue, line);
}

struct acme_turn *acme_queue_drain(struct acme_queue *queue) {
  struct acme_line *line = NULL;
  while (take_line(queue))
    continue; /* no more turns */
  for (unsigned i = 0; i < ACME_QUEUE_BUCKETS && !line; i++)
    for (line = queue->lines[i]; line && !line->num_waiting;)
      line = line->next_of_bucket;
  if (!line) return NULL;
  struct acme_turn *turn = take_turn(queue, line);
  forget_empty(queue, line);
  return turn;
}
