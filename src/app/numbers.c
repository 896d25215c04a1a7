#include "app/numbers.h"

#include "base/decimal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned kind_of(const struct poptOption *entry)
{
    return entry->argInfo & POPT_ARG_MASK;
}

bool jup_number_is_asked(const struct poptOption *entry)
{
    unsigned kind = kind_of(entry);
    return kind == POPT_ARG_INT || kind == POPT_ARG_LONGLONG || kind == POPT_ARG_FLOAT ||
           kind == POPT_ARG_DOUBLE;
}

/* "--generate (-n)" */
static const char *name_of(const struct poptOption *entry, char name[80])
{
    if (entry->longName && entry->shortName)
        snprintf(name, 80, "--%s (-%c)", entry->longName, entry->shortName);
    else if (entry->longName)
        snprintf(name, 80, "--%s", entry->longName);
    else
        snprintf(name, 80, "-%c", entry->shortName);
    return name;
}

static bool is_whole(const char *text)
{
    size_t length = jup_decimal_length(text);
    return length > 0 && text[length] == '\0';
}

static jup_status_t take_whole(const struct poptOption *entry, const char *text, jup_error_t *err)
{
    char name[80];
    bool is_int = kind_of(entry) == POPT_ARG_INT;
    if (!is_whole(text))
        return jup_fail(err, JUP_EINPUT, "%s is '%s', must be a whole decimal number",
                        name_of(entry, name), text);
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno || (is_int && (value < INT_MIN || value > INT_MAX)))
        return jup_fail(err, JUP_EINPUT, "%s is %s, which is out of range", name_of(entry, name),
                        text);
    if (is_int)
        *(int *)entry->arg = (int)value;
    else
        *(long long *)entry->arg = value;
    return JUP_OK;
}

/* strtod takes "inf", "nan" and "0x1p3", too. */
static jup_status_t take_real(const struct poptOption *entry, const char *text, jup_error_t *err)
{
    char name[80], *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)*text) ||
        text[strspn(text, "+-.0123456789eE")] != '\0')
        return jup_fail(err, JUP_EINPUT, "%s is '%s', must be a decimal number",
                        name_of(entry, name), text);
    bool is_float = kind_of(entry) == POPT_ARG_FLOAT;
    if (!isfinite(is_float ? (double)(float)value : value))
        return jup_fail(err, JUP_EINPUT, "%s is %s, which is out of range", name_of(entry, name),
                        text);
    if (is_float)
        *(float *)entry->arg = (float)value;
    else
        *(double *)entry->arg = value;
    return JUP_OK;
}

jup_status_t jup_number_take(const struct poptOption *entry, const char *text, jup_error_t *err)
{
    unsigned kind = kind_of(entry);
    bool whole = kind == POPT_ARG_INT || kind == POPT_ARG_LONGLONG;
    return whole ? take_whole(entry, text, err) : take_real(entry, text, err);
}
