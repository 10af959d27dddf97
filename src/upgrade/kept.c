/* SPDX-License-Identifier: MIT */
#include "upgrade/kept.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "launch/channel.h"
#include "run/mux.h"
#include "run/runtime.h"
#include "run/worker.h"

#define MOST_FD   (1 << 30)
#define MOST_PID  (1 << 30)
#define MOST_SLOT (1 << 24)
/* The longest beginning of a line. */
#define MOST_LINE 65536
/* More than banners have. */
#define MOST_TEXT (1 << 20)

#define RECORD(type, rows)                                                \
 {                                                                        \
  .size = sizeof(struct type), .fields = (rows), .count = ARRAY_LEN(rows) \
 }

static const struct field client_fields[] = {
	FIELD_ROW(kept_client, fd, INT, -1, MOST_FD),
	FIELD_PLAIN(kept_client, peer, ADDR),
	FIELD_PLAIN(kept_client, local, ADDR),
	FIELD_PLAIN(kept_client, id, U64),
	FIELD_PLAIN(kept_client, tries, UNSIGNED),
};
const struct record kept_client_record = RECORD(kept_client, client_fields);

static const struct field muxed_fields[] = {
	FIELD_OF(kept_muxed, client, RECORD, 0, kept_client_record),
	FIELD_ROW(kept_muxed, line, BYTES, 0, MUX_LINE),
	FIELD_PLAIN(kept_muxed, due_ms, I64),
};
const struct record kept_muxed_record = RECORD(kept_muxed, muxed_fields);

static const struct field guest_fields[] = {
	FIELD_OF(kept_guest, client, RECORD, 0, kept_client_record),
	FIELD_ROW(kept_guest, text, BYTES, 1, MOST_TEXT),
	FIELD_PLAIN(kept_guest, due_ms, I64),
};
const struct record kept_guest_record = RECORD(kept_guest, guest_fields);

static const struct field door_fields[] = {
	FIELD_PLAIN(kept_door, cps_per_second, UNSIGNED),
	FIELD_PLAIN(kept_door, cps_pause_s, UNSIGNED),
	FIELD_PLAIN(kept_door, cps_count, UNSIGNED),
	FIELD_PLAIN(kept_door, cps_window_ms, I64),
	FIELD_PLAIN(kept_door, cps_until_ms, I64),
	FIELD_PLAIN(kept_door, rate_count, UNSIGNED),
	FIELD_PLAIN(kept_door, rate_burst, UNSIGNED),
	FIELD_PLAIN(kept_door, rate_period_ms, I64),
	FIELD_PLAIN(kept_door, rate_full_ns, I64),
};
const struct record kept_door_record = RECORD(kept_door, door_fields);

static const struct field listener_fields[] = {
	FIELD_PLAIN(kept_listener, key, TEXT),
	FIELD_ROW(kept_listener, fd, INT, -1, MOST_FD),
	FIELD_ROW(kept_listener, owner, INT, -1, MOST_SLOT),
	FIELD_PLAIN(kept_listener, is_shared, BOOL),
	FIELD_PLAIN(kept_listener, dev, U64),
	FIELD_PLAIN(kept_listener, ino, U64),
	FIELD_PLAIN(kept_listener, bound, ADDR),
	FIELD_OF(kept_listener, pending, POINTER, 0, kept_client_record),
	FIELD_PLAIN(kept_listener, tries, UNSIGNED),
};
const struct record kept_listener_record = RECORD(kept_listener, listener_fields);

static const struct field server_fields[] = {
	FIELD_ROW(kept_server, slot, INT, 0, MOST_SLOT),
	FIELD_ROW(kept_server, pid, INT, 2, MOST_PID),
	FIELD_PLAIN(kept_server, peer, ADDR),
	FIELD_PLAIN(kept_server, connection, U64),
	FIELD_PLAIN(kept_server, queue_mark, U64),
	FIELD_PLAIN(kept_server, started_ms, I64),
	FIELD_PLAIN(kept_server, deadline_ms, I64),
	FIELD_PLAIN(kept_server, linger_ms, I64),
	FIELD_PLAIN(kept_server, is_timed_out, BOOL),
	FIELD_ROW(kept_server, kept_fd, INT, -1, MOST_FD),
	FIELD_ROW(kept_server, dialog_fd, INT, -1, MOST_FD),
	FIELD_PLAIN(kept_server, dialog_local, ADDR),
	FIELD_PLAIN(kept_server, asker, U64),
};
const struct record kept_server_record = RECORD(kept_server, server_fields);

static const struct field worker_fields[] = {
	FIELD_ROW(kept_worker, slot, INT, 0, MOST_SLOT),
	FIELD_ROW(kept_worker, channel_fd, INT, -1, MOST_FD),
	FIELD_ROW(kept_worker, pipe, INT, -1, MOST_FD),
	FIELD_PLAIN(kept_worker, left_unread, BOOL),
	FIELD_PLAIN(kept_worker, looks_first, BOOL),
	FIELD_PLAIN(kept_worker, brought_descriptors, BOOL),
	FIELD_ROW(kept_worker, kind, INT, LAUNCH_WORKER, LAUNCH_WARM),
	FIELD_ROW(kept_worker, protocol, INT, 0, CHANNEL_WARM),
	FIELD_ROW(kept_worker, state, INT, 0, WORKER_STATE_MAX - 1),
	FIELD_ROW(kept_worker, end, INT, 0, WORKER_KILLED),
	FIELD_PLAIN(kept_worker, accepts, BOOL),
	FIELD_PLAIN(kept_worker, is_outdated, BOOL),
	FIELD_PLAIN(kept_worker, is_dismissed, BOOL),
	FIELD_PLAIN(kept_worker, has_taken, BOOL),
	FIELD_PLAIN(kept_worker, served, UNSIGNED),
	FIELD_PLAIN(kept_worker, most, UNSIGNED),
	FIELD_PLAIN(kept_worker, strays, UNSIGNED),
	FIELD_OF(kept_worker, client, RECORD, 0, kept_client_record),
	FIELD_OF(kept_worker, next, RECORD, 0, kept_client_record),
	FIELD_PLAIN(kept_worker, late_ms, I64),
	FIELD_PLAIN(kept_worker, since_ms, I64),
	FIELD_PLAIN(kept_worker, busy_ms, I64),
	FIELD_PLAIN(kept_worker, end_ms, I64),
};
const struct record kept_worker_record = RECORD(kept_worker, worker_fields);

static const struct field number_fields[] = { FIELD_PLAIN(kept_number, value, U64) };
const struct record kept_number_record = RECORD(kept_number, number_fields);

static const struct field pool_counter_fields[] = {
	FIELD_PLAIN(pool_counters, started, U64),
	FIELD_PLAIN(pool_counters, ended, U64),
	FIELD_PLAIN(pool_counters, failed, U64),
	FIELD_PLAIN(pool_counters, handed, U64),
	FIELD_PLAIN(pool_counters, again, U64),
	FIELD_PLAIN(pool_counters, given_up, U64),
	FIELD_PLAIN(pool_counters, served, U64),
	FIELD_PLAIN(pool_counters, lost, U64),
	FIELD_PLAIN(pool_counters, timed_out, U64),
	FIELD_PLAIN(pool_counters, stray, U64),
};
_Static_assert(ARRAY_LEN(pool_counter_fields) * sizeof(uint64_t) == sizeof(struct pool_counters),
    "one row each");
static const struct record pool_counters_record = RECORD(pool_counters, pool_counter_fields);

static const struct field pace_fields[] = {
	FIELD_PLAIN(pool_pace, begun, UNSIGNED),
	FIELD_PLAIN(pool_pace, has_begun, BOOL),
	FIELD_PLAIN(pool_pace, step, UNSIGNED),
	FIELD_PLAIN(pool_pace, step_ms, I64),
	FIELD_PLAIN(pool_pace, started, UNSIGNED),
	FIELD_PLAIN(pool_pace, second_ms, I64),
	FIELD_PLAIN(pool_pace, shrink_ms, I64),
	FIELD_PLAIN(pool_pace, ended, UNSIGNED),
	FIELD_PLAIN(pool_pace, ended_ms, I64),
};
static const struct record pace_record = RECORD(pool_pace, pace_fields);

static const struct field pool_fields[] = {
	FIELD_OF(kept_pool, counters, RECORD, 0, pool_counters_record),
	FIELD_OF(kept_pool, pace, RECORD, 0, pace_record),
	FIELD_PLAIN(kept_pool, sends_bytes, BOOL),
	FIELD_PLAIN(kept_pool, fingerprint, U64),
	FIELD_OF(kept_pool, shared, LIST, 0, kept_number_record),
	FIELD_OF(kept_pool, workers, LIST, 0, kept_worker_record),
	FIELD_OF(kept_pool, waiting, LIST, 0, kept_client_record),
};
const struct record kept_pool_record = RECORD(kept_pool, pool_fields);

static const struct field histogram_fields[] = {
	FIELD_ROW(histogram, bucket, NUMBERS, 0, HISTOGRAM_BOUNDS + 1),
	FIELD_PLAIN(histogram, sum_us, U64),
};
static const struct record histogram_record = RECORD(histogram, histogram_fields);

/* A member of the list within struct ends. */
struct __attribute__((packed, aligned(2))) end {
	uint16_t code;
	uint64_t count;
};

_Static_assert(sizeof(struct end) == sizeof(((struct ends *)NULL)->each[0]), "alike");
static const struct field end_fields[] = {
	FIELD_PLAIN(end, code, U16),
	FIELD_PLAIN(end, count, U64),
};
static const struct record end_record = RECORD(end, end_fields);
static const struct field ends_fields[] = {
	FIELD_OF(ends, each, RECORDS, COUNTERS_ENDS, end_record),
	FIELD_PLAIN(ends, others, U64),
};
static const struct record ends_record = RECORD(ends, ends_fields);

static const struct field counter_fields[] = {
	FIELD_PLAIN(counters, accepted, U64),
	FIELD_PLAIN(counters, started, U64),
	FIELD_PLAIN(counters, answered, U64),
	FIELD_ROW(counters, refused, NUMBERS, 0, COUNTERS_REASONS),
	FIELD_PLAIN(counters, failed, U64),
	FIELD_PLAIN(counters, aborted, U64),
	FIELD_PLAIN(counters, ended, U64),
	FIELD_PLAIN(counters, cpu_us, U64),
	FIELD_PLAIN(counters, bytes_in, U64),
	FIELD_PLAIN(counters, bytes_out, U64),
	FIELD_PLAIN(counters, latest_ms, I64),
	FIELD_OF(counters, ends, RECORD, 0, ends_record),
	FIELD_OF(counters, start, RECORD, 0, histogram_record),
	FIELD_OF(counters, session, RECORD, 0, histogram_record),
};
static const struct record counters_record = RECORD(counters, counter_fields);

static const struct field sink_fields[] = {
	FIELD_ROW(sink_target, kind, INT, 0, SINK_STDERR),
	FIELD_PLAIN(sink_target, is_set, BOOL),
	FIELD_PLAIN(sink_target, path, TEXT_OR_NULL),
	FIELD_PLAIN(sink_target, facility, INT),
	FIELD_ROW(sink_target, level, INT, 0, 7),
	FIELD_PLAIN(sink_target, soft_bytes, I64),
	FIELD_PLAIN(sink_target, hard_bytes, I64),
};
static const struct record sink_record = RECORD(sink_target, sink_fields);

static const struct field conf_fields[] = {
	FIELD_PLAIN(service_conf, name, TEXT),
	FIELD_PLAIN(service_conf, id, TEXT),
	FIELD_PLAIN(service_conf, type, UNSIGNED),
	FIELD_PLAIN(service_conf, server, TEXT_OR_NULL),
	FIELD_PLAIN(service_conf, user_name, TEXT_OR_NULL),
	FIELD_PLAIN(service_conf, socket_type, INT),
	FIELD_PLAIN(service_conf, protocol, INT),
	FIELD_PLAIN(service_conf, wait, BOOL),
	FIELD_ROW(service_conf, stderr_to, INT, 0, CONF_STDERR_NULL),
	FIELD_ROW(service_conf, pool_protocol, INT, 0, CONF_POOL_PLAIN),
	FIELD_PLAIN(service_conf, pool_request_timeout_ms, I64),
	FIELD_OF(service_conf, log_type, RECORD, 0, sink_record),
	FIELD_ROW(service_conf, log_format, INT, 0, CONF_FORMAT_JSON),
	FIELD_PLAIN(service_conf, log_on_success, UNSIGNED),
	FIELD_PLAIN(service_conf, log_on_failure, UNSIGNED),
	FIELD_ROW(service_conf, stop_signal, INT, 1, 64),
	FIELD_PLAIN(service_conf, stop_grace_ms, I64),
};
static const struct record conf_record = RECORD(service_conf, conf_fields);

static const struct field service_fields[] = {
	FIELD_PLAIN(kept_service, id, TEXT),
	FIELD_PLAIN(kept_service, is_off, BOOL),
	FIELD_PLAIN(kept_service, is_gone, BOOL),
	FIELD_OF(kept_service, counters, RECORD, 0, counters_record),
	FIELD_OF(kept_service, conf, POINTER, 0, conf_record),
	FIELD_OF(kept_service, listeners, LIST, 0, kept_listener_record),
	FIELD_OF(kept_service, servers, LIST, 0, kept_server_record),
	FIELD_OF(kept_service, muxed, LIST, 0, kept_muxed_record),
	FIELD_OF(kept_service, guests, LIST, 0, kept_guest_record),
	FIELD_OF(kept_service, door, POINTER, 0, kept_door_record),
	FIELD_OF(kept_service, pool, POINTER, 0, kept_pool_record),
};
const struct record kept_service_record = RECORD(kept_service, service_fields);

static const struct field pipe_fields[] = {
	FIELD_ROW(kept_pipe, fd, INT, 0, MOST_FD),
	FIELD_PLAIN(kept_pipe, id, TEXT),
	FIELD_PLAIN(kept_pipe, connection, U64),
	FIELD_ROW(kept_pipe, pid, INT, 0, MOST_PID),
	FIELD_ROW(kept_pipe, line, BYTES, 0, MOST_LINE),
};
const struct record kept_pipe_record = RECORD(kept_pipe, pipe_fields);

static const struct field inherited_fields[] = {
	FIELD_ROW(kept_inherited, fd, INT, 0, MOST_FD),
	FIELD_PLAIN(kept_inherited, name, TEXT_OR_NULL),
	FIELD_PLAIN(kept_inherited, type, INT),
	FIELD_PLAIN(kept_inherited, addr, ADDR),
};
const struct record kept_inherited_record = RECORD(kept_inherited, inherited_fields);

static const struct field ban_fields[] = {
	FIELD_PLAIN(kept_ban, address, TEXT),
	FIELD_PLAIN(kept_ban, until_ms, I64),
	FIELD_PLAIN(kept_ban, hits, U64),
};
const struct record kept_ban_record = RECORD(kept_ban, ban_fields);

static const struct field leftover_fields[] = {
	FIELD_ROW(kept_leftover, pgid, INT, 2, MOST_PID),
	FIELD_ROW(kept_leftover, fd, INT, -1, MOST_FD),
	FIELD_PLAIN(kept_leftover, linger_ms, I64),
	FIELD_PLAIN(kept_leftover, kill_ms, I64),
};
const struct record kept_leftover_record = RECORD(kept_leftover, leftover_fields);

static const struct field drain_fields[] = {
	FIELD_ROW(kept_drain, fd, INT, 0, MOST_FD),
	FIELD_ROW(kept_drain, text, BYTES, 0, MOST_TEXT),
	FIELD_PLAIN(kept_drain, due_ms, I64),
};
const struct record kept_drain_record = RECORD(kept_drain, drain_fields);

static const struct field faults_fields[] = {
	FIELD_ROW(kept_faults, fd, INT, -1, MOST_FD),
	FIELD_ROW(kept_faults, most, UNSIGNED, 1, MOST_SLOT),
};
static const struct record faults_record = RECORD(kept_faults, faults_fields);

static const struct field runtime_fields[] = {
	FIELD_PLAIN(kept_runtime, connections, U64),
	FIELD_PLAIN(kept_runtime, serials, U64),
	FIELD_OF(kept_runtime, past, RECORD, 0, counters_record),
	FIELD_OF(kept_runtime, faults, RECORD, 0, faults_record),
	FIELD_OF(kept_runtime, services, LIST, 0, kept_service_record),
	FIELD_OF(kept_runtime, pipes, LIST, 0, kept_pipe_record),
	FIELD_OF(kept_runtime, inherited, LIST, 0, kept_inherited_record),
	FIELD_OF(kept_runtime, bans, LIST, 0, kept_ban_record),
	FIELD_OF(kept_runtime, leftovers, LIST, 0, kept_leftover_record),
	FIELD_OF(kept_runtime, drains, LIST, 0, kept_drain_record),
};
static const struct record runtime_record = RECORD(kept_runtime, runtime_fields);

static const struct field origin_fields[] = {
	FIELD_PLAIN(kept_origin, files_soft, U64),
	FIELD_PLAIN(kept_origin, files_hard, U64),
	FIELD_ROW(kept_origin, umask, INT, 0, 0777),
};
static const struct record origin_record = RECORD(kept_origin, origin_fields);

static const struct field fields[] = {
	FIELD_ROW(kept, format, INT, KEPT_FORMAT, KEPT_FORMAT),
	FIELD_ROW(kept, pid, INT, 1, MOST_PID),
	FIELD_PLAIN(kept, version, TEXT),
	FIELD_OF(kept, origin, RECORD, 0, origin_record),
	FIELD_OF(kept, runtime, RECORD, 0, runtime_record),
	FIELD_PLAIN(kept, daemon, VALUE),
	FIELD_PLAIN(kept, control, VALUE),
	FIELD_PLAIN(kept, journal, VALUE),
};
const struct record kept_record = RECORD(kept, fields);

static int
check_format(struct record_reader *reader, const json_t *from)
{
	const json_t *format = json_object_get(from, "format");

	if (json_is_integer(format) && json_integer_value(format) == KEPT_FORMAT)
		return 0;
	snprintf(reader->why, sizeof(reader->why),
	    "the state has format %lld, and this is format %d",
	    (long long)json_integer_value(format), KEPT_FORMAT);
	return -EINVAL;
}

int
kept_read(struct record_reader *reader, const json_t *from, struct kept *out)
{
	int r = check_format(reader, from);

	*out = (struct kept){ 0 };
	if (r == 0)
		r = record_read(reader, &kept_record, from, out);
	return r < 0 ? r : kept_check(reader, out);
}
