#include "CGRPC.h"

#include <grpc/slice.h>
#include <string.h>

/* The ops of a batch, one after the other. */
struct batch {
	grpc_op ops[4];
	size_t count;
};

static grpc_op *add(struct batch *batch, grpc_op_type type)
{
	grpc_op *op = &batch->ops[batch->count++];

	memset(op, 0, sizeof(*op));
	op->op = type;
	return op;
}

static void add_message(struct batch *batch, grpc_byte_buffer *message)
{
	add(batch, GRPC_OP_SEND_MESSAGE)->data.send_message.send_message = message;
}

static grpc_call_error start(grpc_call *call, const struct batch *batch, void *tag)
{
	return grpc_call_start_batch(call, batch->ops, batch->count, tag, NULL);
}

grpc_call_error cgrpc_receive_message(grpc_call *call, grpc_byte_buffer **message, void *tag)
{
	struct batch batch = {.count = 0};

	add(&batch, GRPC_OP_RECV_MESSAGE)->data.recv_message.recv_message = message;
	return start(call, &batch, tag);
}

grpc_call_error cgrpc_receive_close(grpc_call *call, int *cancelled, void *tag)
{
	struct batch batch = {.count = 0};

	add(&batch, GRPC_OP_RECV_CLOSE_ON_SERVER)->data.recv_close_on_server.cancelled = cancelled;
	return start(call, &batch, tag);
}

grpc_call_error cgrpc_send_message(grpc_call *call, grpc_byte_buffer *message, bool is_first, void *tag)
{
	struct batch batch = {.count = 0};

	if (is_first)
		add(&batch, GRPC_OP_SEND_INITIAL_METADATA);
	add_message(&batch, message);
	return start(call, &batch, tag);
}

grpc_call_error cgrpc_send_status(grpc_call *call, grpc_byte_buffer *message, bool is_first, grpc_status_code code,
				  const char *details, void *tag)
{
	struct batch batch = {.count = 0};
	grpc_slice text = grpc_slice_from_copied_string(details);
	grpc_call_error error;
	grpc_op *op;

	if (is_first)
		add(&batch, GRPC_OP_SEND_INITIAL_METADATA);
	if (message)
		add_message(&batch, message);
	op = add(&batch, GRPC_OP_SEND_STATUS_FROM_SERVER);
	op->data.send_status_from_server.status = code;
	op->data.send_status_from_server.status_details = &text;
	error = start(call, &batch, tag);
	grpc_slice_unref(text);
	return error;
}

void cgrpc_outcome_init(struct cgrpc_outcome *outcome)
{
	grpc_metadata_array_init(&outcome->initial);
	grpc_metadata_array_init(&outcome->trailing);
	outcome->code = GRPC_STATUS_UNKNOWN;
	outcome->details = grpc_empty_slice();
}

void cgrpc_outcome_free(struct cgrpc_outcome *outcome)
{
	grpc_metadata_array_destroy(&outcome->initial);
	grpc_metadata_array_destroy(&outcome->trailing);
	grpc_slice_unref(outcome->details);
}

grpc_call_error cgrpc_request(grpc_call *call, grpc_byte_buffer *message, struct cgrpc_outcome *outcome, void *tag)
{
	struct batch batch = {.count = 0};

	add(&batch, GRPC_OP_SEND_INITIAL_METADATA);
	add_message(&batch, message);
	add(&batch, GRPC_OP_SEND_CLOSE_FROM_CLIENT);
	add(&batch, GRPC_OP_RECV_INITIAL_METADATA)->data.recv_initial_metadata.recv_initial_metadata =
		&outcome->initial;
	return start(call, &batch, tag);
}

grpc_call_error cgrpc_receive_status(grpc_call *call, struct cgrpc_outcome *outcome, void *tag)
{
	struct batch batch = {.count = 0};
	grpc_op *op = add(&batch, GRPC_OP_RECV_STATUS_ON_CLIENT);

	op->data.recv_status_on_client.trailing_metadata = &outcome->trailing;
	op->data.recv_status_on_client.status = &outcome->code;
	op->data.recv_status_on_client.status_details = &outcome->details;
	return start(call, &batch, tag);
}

grpc_byte_buffer *cgrpc_message(const uint8_t *bytes, size_t count)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes, count);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return message;
}

ssize_t cgrpc_message_bytes(grpc_byte_buffer *message, uint8_t *bytes, size_t limit)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	size_t count = 0, length;

	if (!grpc_byte_buffer_reader_init(&reader, message))
		return -1;
	while (grpc_byte_buffer_reader_next(&reader, &slice)) {
		length = GRPC_SLICE_LENGTH(slice);
		if (length <= limit - count) {
			memcpy(bytes + count, GRPC_SLICE_START_PTR(slice), length);
			count += length;
		} else {
			limit = 0;
		}
		grpc_slice_unref(slice);
		if (!limit)
			break;
	}
	grpc_byte_buffer_reader_destroy(&reader);
	return limit || !count ? (ssize_t)count : -1;
}

const uint8_t *cgrpc_slice_bytes(const grpc_slice *slice, size_t *count)
{
	*count = GRPC_SLICE_LENGTH(*slice);
	return GRPC_SLICE_START_PTR(*slice);
}

static char *const options[] = {
	[CGRPC_MAX_RECEIVE_MESSAGE_LENGTH] = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
	[CGRPC_MAX_SEND_MESSAGE_LENGTH] = GRPC_ARG_MAX_SEND_MESSAGE_LENGTH,
	[CGRPC_MAX_METADATA_SIZE] = GRPC_ARG_MAX_METADATA_SIZE,
	[CGRPC_MAX_CONCURRENT_STREAMS] = GRPC_ARG_MAX_CONCURRENT_STREAMS,
	[CGRPC_MAX_CONNECTION_IDLE_MS] = GRPC_ARG_MAX_CONNECTION_IDLE_MS,
	[CGRPC_KEEPALIVE_TIME_MS] = GRPC_ARG_KEEPALIVE_TIME_MS,
	[CGRPC_KEEPALIVE_TIMEOUT_MS] = GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
	[CGRPC_ENABLE_CHANNELZ] = GRPC_ARG_ENABLE_CHANNELZ,
	[CGRPC_ENABLE_PER_MESSAGE_DECOMPRESSION] = GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION,
	[CGRPC_ENABLE_RETRIES] = GRPC_ARG_ENABLE_RETRIES,
};

grpc_arg cgrpc_number(enum cgrpc_option option, int value)
{
	grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = options[option], .value.integer = value};

	return arg;
}
