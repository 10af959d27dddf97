/* SPDX-License-Identifier: MIT */
#include "ctl/openmetrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "control/figure.h"
#include "ctl/get.h"

/* Types as both formats call them; an info is a gauge of 1 in the classic one. */
static const struct {
	const char *open, *classic;
	const char *suffix; /* of its samples */
} types[] = {
	[FIGURE_COUNTER] = { "counter", "counter", "_total" },
	[FIGURE_GAUGE] = { "gauge", "gauge", "" },
	[FIGURE_HISTOGRAM] = { "histogram", "histogram", "" },
	[FIGURE_INFO] = { "info", "gauge", "_info" },
};

/* The family that is being printed. */
struct family {
	const struct figure *figure;
	enum metrics_format format;
	FILE *out;
	bool has_head;
	const json_t *service; /* whose samples these are; NULL: the daemon's */
};

static void
put_escaped(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* The classic format names families as their samples. */
static const char *
family_suffix(const struct family *f)
{
	return f->format == METRICS_CLASSIC ? types[f->figure->type].suffix : "";
}

static void
put_line(const struct family *f, const char *what)
{
	fprintf(f->out, "# %s " FIGURE_PREFIX "%s%s ", what, f->figure->name, family_suffix(f));
}

static void
put_head(struct family *f)
{
	bool is_open = f->format == METRICS_OPEN;

	if (f->has_head)
		return;
	f->has_head = true;
	put_line(f, "TYPE");
	fprintf(
	    f->out, "%s\n", is_open ? types[f->figure->type].open : types[f->figure->type].classic);
	if (is_open && f->figure->unit != NULL) {
		put_line(f, "UNIT");
		fprintf(f->out, "%s\n", f->figure->unit);
	}
	put_line(f, "HELP");
	put_escaped(f->figure->text, f->out);
	fputc('\n', f->out);
}

static void
put_label(FILE *out, char *before, const char *name, const char *value)
{
	fprintf(out, "%c%s=\"", *before, name);
	put_escaped(value, out);
	fputc('"', out);
	*before = ',';
}

/* The name and the labels of one sample; label and value may be NULL. */
static void
put_name(struct family *f, const char *suffix, const char *label, const char *value)
{
	char before = '{';

	put_head(f);
	fprintf(f->out, FIGURE_PREFIX "%s%s", f->figure->name, suffix);
	if (f->service != NULL) {
		put_label(f->out, &before, "service", get_text(f->service, "id"));
		put_label(f->out, &before, "address", get_text(f->service, "address"));
	}
	if (label != NULL)
		put_label(f->out, &before, label, value);
	fputs(before == ',' ? "} " : " ", f->out);
}

static void
put_value(struct family *f, const json_t *value)
{
	if (json_is_integer(value))
		fprintf(f->out, "%lld\n", (long long)json_integer_value(value));
	else
		fprintf(f->out, "%.15g\n", json_number_value(value));
}

/* Both want a point in numbers that are no counts: "1.0". */
static const char *
format_bound(size_t bucket, char text[32])
{
	if (bucket >= HISTOGRAM_BOUNDS)
		return "+Inf";
	snprintf(text, 32, "%.15g", (double)histogram_bounds_us[bucket] / 1e6);
	if (strpbrk(text, ".e") == NULL)
		snprintf(text, 32, "%.1f", (double)histogram_bounds_us[bucket] / 1e6);
	return text;
}

static void
put_histogram(struct family *f, const json_t *value)
{
	const json_t *bucket;
	json_int_t sum = 0;
	char bound[32];
	size_t i;

	json_array_foreach(json_object_get(value, "buckets"), i, bucket) {
		sum += json_integer_value(bucket);
		put_name(f, "_bucket", "le", format_bound(i, bound));
		fprintf(f->out, "%lld\n", (long long)sum);
	}
	put_name(f, "_sum", NULL, NULL);
	put_value(f, json_object_get(value, "sum"));
	put_name(f, "_count", NULL, NULL);
	put_value(f, json_object_get(value, "count"));
}

static void
put_samples(struct family *f, json_t *value)
{
	const struct figure *figure = f->figure;
	const char *suffix = types[figure->type].suffix, *label;
	json_t *part;

	if (figure->type == FIGURE_HISTOGRAM && json_is_object(value)) {
		put_histogram(f, value);
	} else if (figure->label != NULL && json_is_object(value)) {
		json_object_foreach(value, label, part) {
			put_name(f, suffix, figure->label, label);
			put_value(f, part);
		}
	} else if (json_is_number(value)) {
		put_name(f, suffix, NULL, NULL);
		put_value(f, value);
	}
}

void
openmetrics_print(const json_t *metrics, enum metrics_format format, FILE *out)
{
	const json_t *services = json_object_get(metrics, "services"), *service;
	const json_t *daemon = json_object_get(metrics, "daemon");
	size_t k;

	for (size_t i = 0; i < figure_count; i++) {
		struct family f = { .figure = &figures[i], .format = format, .out = out };

		if (f.figure->scope == FIGURE_OF_DAEMON) {
			put_samples(&f, json_object_get(daemon, f.figure->name));
			continue;
		}
		json_array_foreach(services, k, service) {
			f.service = service;
			put_samples(&f,
			    json_object_get(json_object_get(service, "figures"), f.figure->name));
		}
	}
	if (format == METRICS_OPEN)
		fputs("# EOF\n", out);
}
