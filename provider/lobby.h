/* Connections to daemons: many threads ask at once, each through a connection of its own. */
#ifndef MTC_PROVIDER_LOBBY_H
#define MTC_PROVIDER_LOBBY_H

#include "mtc/rpc.h"

struct lobby;

/*
 * lobby_open makes a lobby without connections; NULL when out of memory.
 */
struct lobby *lobby_open(void);

/*
 * lobby_close closes all connections; NULL is ignored.
 */
void lobby_close(struct lobby *lobby);

/*
 * lobby_call is mtc_rpc_call to the daemon at `socket`, through a connection that is idle or a new
 * one. One that was lost while it was idle is replaced: requests must bear being sent twice.
 *
 * Threads:  any; a child process uses none of its parent's connections.
 */
mtc_status lobby_call(struct lobby *lobby, const char *socket, enum mtc_rpc_method method,
                      struct mtc_span body, struct mtc_bytes *out,
                      struct mtc_error *error) MTC_MUST_CHECK;

#endif
