#pragma once

/* gRPC's headers define _GNU_SOURCE, which must not change types that Swift has from elsewhere. */
#include <sys/types.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * gRPC takes the operations of a call as an array of unions. Each function here starts one batch, whose `tag` comes out
 * of the completion queue when the batch is done.
 */

/* The server's half. */
grpc_call_error cgrpc_receive_message(grpc_call *call, grpc_byte_buffer **message, void *tag);
/* Done when the call is over, however it ended. `cancelled`: 1 unless our status reached the client. */
grpc_call_error cgrpc_receive_close(grpc_call *call, int *cancelled, void *tag);
/* `is_first`: the answer's metadata go before the message. */
grpc_call_error cgrpc_send_message(grpc_call *call, grpc_byte_buffer *message, bool is_first, void *tag);
/* `message`: NULL, or what goes before the status. */
grpc_call_error cgrpc_send_status(grpc_call *call, grpc_byte_buffer *message, bool is_first, grpc_status_code code,
				  const char *details, void *tag);

/* What the client's half gets of a call, until `cgrpc_outcome_free`. */
struct cgrpc_outcome {
	grpc_metadata_array initial, trailing;
	grpc_status_code code;
	grpc_slice details;
};
void cgrpc_outcome_init(struct cgrpc_outcome *outcome);
void cgrpc_outcome_free(struct cgrpc_outcome *outcome);

/* The client's half: sends the only request of a call, and has its answer's metadata received. */
grpc_call_error cgrpc_request(grpc_call *call, grpc_byte_buffer *message, struct cgrpc_outcome *outcome, void *tag);
/* Done when the call is over: the status is in `outcome`. */
grpc_call_error cgrpc_receive_status(grpc_call *call, struct cgrpc_outcome *outcome, void *tag);

/* A message of these bytes, and the bytes of a message: their count, or -1 if they are more than `limit`. */
grpc_byte_buffer *cgrpc_message(const uint8_t *bytes, size_t count);
ssize_t cgrpc_message_bytes(grpc_byte_buffer *message, uint8_t *bytes, size_t limit);

const uint8_t *cgrpc_slice_bytes(const grpc_slice *slice, size_t *count);

/* What a channel or a server can be told by a number. */
enum cgrpc_option {
	CGRPC_MAX_RECEIVE_MESSAGE_LENGTH,
	CGRPC_MAX_SEND_MESSAGE_LENGTH,
	CGRPC_MAX_METADATA_SIZE,
	CGRPC_MAX_CONCURRENT_STREAMS,
	CGRPC_MAX_CONNECTION_IDLE_MS,
	CGRPC_KEEPALIVE_TIME_MS,
	CGRPC_KEEPALIVE_TIMEOUT_MS,
	CGRPC_ENABLE_CHANNELZ,
	CGRPC_ENABLE_PER_MESSAGE_DECOMPRESSION,
	CGRPC_ENABLE_RETRIES,
};

/*
 * A channel argument. It points to the option's name, which has to stay: a text that Swift hands to a function of C is
 * gone after the call.
 */
grpc_arg cgrpc_number(enum cgrpc_option option, int value);
