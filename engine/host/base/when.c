#include "when.h"

#include <stdio.h>
#include <string.h>

/* A time of the calendar, not yet checked. */
struct moment {
    int year, month, day, hour, minute, second;
    int offset; /* minutes east of UTC */
    const char *fraction;
    size_t digits; /* of the fraction */
};

/* A text that is read from its front. */
struct reader {
    const char *at, *end;
};

static bool take(struct reader *r, char c) {
    if (r->at >= r->end || *r->at != c) return false;
    r->at++;
    return true;
}

static bool take_text(struct reader *r, const char *text) {
    size_t len = strlen(text);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0) return false;
    r->at += len;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Exactly n digits. */
static bool digits(struct reader *r, int n, int *value) {
    int v = 0;
    if (r->end - r->at < n) return false;
    for (int i = 0; i < n; i++) {
        if (!is_digit(r->at[i])) return false;
        v = v * 10 + (r->at[i] - '0');
    }
    r->at += n;
    *value = v;
    return true;
}

static bool leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01, by counting in eras of 400 years from the 1st of March of year 0. */
static int64_t days_from(int year, int month, int day) {
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static bool in_years(int64_t seconds) {
    return seconds >= days_from(0, 1, 1) * 86400 && seconds < days_from(10000, 1, 1) * 86400;
}

static bool valid(const struct moment *m) {
    return m->month >= 1 && m->month <= 12 && m->day >= 1 && m->day <= days_in(m->year, m->month) &&
           m->hour <= 23 && m->minute <= 59 && m->second <= 60;
}

/* Seconds since 1970 of a moment that the text gave; false where there is no such time. */
static bool resolve(const struct moment *m, int64_t *seconds) {
    if (!valid(m)) return false;
    bool leap_second = m->second == 60;
    *seconds = days_from(m->year, m->month, m->day) * 86400 + m->hour * 3600 + m->minute * 60 +
               m->second - leap_second - m->offset * 60;
    if (leap_second && ((*seconds % 86400) + 86400) % 86400 != 86399) return false;
    return in_years(*seconds);
}

static bool read_fraction(struct reader *r, struct moment *m) {
    if (!take(r, '.') && !take(r, ',')) return true;
    m->fraction = r->at;
    while (r->at < r->end && is_digit(*r->at)) r->at++;
    m->digits = (size_t)(r->at - m->fraction);
    return m->digits > 0;
}

static bool read_offset(struct reader *r, struct moment *m) {
    int hours, minutes;
    if (take(r, 'Z') || take(r, 'z')) return true;
    int sign = take(r, '-') ? -1 : take(r, '+') ? 1 : 0;
    if (!sign || !digits(r, 2, &hours) || !take(r, ':') || !digits(r, 2, &minutes)) return false;
    m->offset = sign * (hours * 60 + minutes);
    return hours <= 23 && minutes <= 59;
}

static bool read_clock(struct reader *r, struct moment *m) {
    return digits(r, 2, &m->hour) && take(r, ':') && digits(r, 2, &m->minute) && take(r, ':') &&
           digits(r, 2, &m->second);
}

static bool read_rfc3339(struct reader r, struct moment *m) {
    *m = (struct moment){0};
    return digits(&r, 4, &m->year) && take(&r, '-') && digits(&r, 2, &m->month) && take(&r, '-') &&
           digits(&r, 2, &m->day) && (take(&r, 'T') || take(&r, 't') || take(&r, ' ')) &&
           read_clock(&r, m) && read_fraction(&r, m) && read_offset(&r, m) && r.at == r.end;
}

static bool read_month(struct reader *r, struct moment *m) {
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int i = 0; i < 12; i++)
        if (take_text(r, names[i])) {
            m->month = i + 1;
            return true;
        }
    return false;
}

/* A weekday is not compared with the date: a server that has it wrong still means the date. */
static bool skip_weekday(struct reader *r, const char *after) {
    while (r->at < r->end && ((*r->at | 32) >= 'a' && (*r->at | 32) <= 'z')) r->at++;
    return take_text(r, after);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_fixdate(struct reader r, struct moment *m) {
    *m = (struct moment){0};
    return skip_weekday(&r, ", ") && digits(&r, 2, &m->day) && take(&r, ' ') &&
           read_month(&r, m) && take(&r, ' ') && digits(&r, 4, &m->year) && take(&r, ' ') &&
           read_clock(&r, m) && take_text(&r, " GMT") && r.at == r.end;
}

/* Sunday, 06-Nov-94 08:49:37 GMT; the two digits of the year are 1970 to 2069. */
static bool read_rfc850(struct reader r, struct moment *m) {
    *m = (struct moment){0};
    if (!(skip_weekday(&r, ", ") && digits(&r, 2, &m->day) && take(&r, '-') &&
          read_month(&r, m) && take(&r, '-') && digits(&r, 2, &m->year) && take(&r, ' ') &&
          read_clock(&r, m) && take_text(&r, " GMT") && r.at == r.end))
        return false;
    m->year += m->year < 70 ? 2000 : 1900;
    return true;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct reader r, struct moment *m) {
    *m = (struct moment){0};
    return skip_weekday(&r, " ") && read_month(&r, m) && take(&r, ' ') &&
           digits(&r, take(&r, ' ') ? 1 : 2, &m->day) && take(&r, ' ') && read_clock(&r, m) &&
           take(&r, ' ') && digits(&r, 4, &m->year) && r.at == r.end;
}

bool when_http(const char *text, size_t len, int64_t *seconds) {
    struct reader r = {text, text + len};
    struct moment m;
    return (read_fixdate(r, &m) || read_rfc850(r, &m) || read_asctime(r, &m)) &&
           resolve(&m, seconds);
}

static bool read_any(const char *text, size_t len, struct moment *m, int64_t *seconds) {
    struct reader r = {text, text + len};
    *m = (struct moment){0};
    if (len && !is_digit(*text)) return when_http(text, len, seconds);
    return read_rfc3339(r, m) && resolve(m, seconds);
}

/* Every record has a time or two: digits by hand cost a tenth of what snprintf does. */
static char *put_digits(char *out, int n, int width) {
    for (int i = width - 1; i >= 0; i--, n /= 10) out[i] = (char)('0' + n % 10);
    return out + width;
}

static char *put_three(char *out, int a, int width, char separator, int b, int c) {
    out = put_digits(out, a, width);
    *out++ = separator;
    out = put_digits(out, b, 2);
    *out++ = separator;
    return put_digits(out, c, 2);
}

static void write_seconds(int64_t seconds, const char *fraction, size_t len, char *out) {
    int year, month, day;
    int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
    int rest = (int)(seconds - days * 86400);
    date_from(days, &year, &month, &day);
    if (len > WHEN_FRACTION_MAX) len = WHEN_FRACTION_MAX;
    while (len > 0 && fraction[len - 1] == '0') len--;
    out = put_three(out, year, 4, '-', month, day);
    *out++ = 'T';
    out = put_three(out, rest / 3600, 2, ':', rest / 60 % 60, rest % 60);
    if (len) {
        *out++ = '.';
        memcpy(out, fraction, len);
        out += len;
    }
    *out++ = 'Z';
    *out = '\0';
}

bool when_write(int64_t seconds, uint32_t nanos, char out[WHEN_MAX]) {
    char fraction[16];
    out[0] = '\0';
    if (!in_years(seconds) || nanos > 999999999) return false;
    int len = snprintf(fraction, sizeof fraction, "%09u", (unsigned)nanos);
    write_seconds(seconds, fraction, (size_t)len, out);
    return true;
}

bool when_seconds(const char *text, size_t len, int64_t *seconds, uint32_t *nanos) {
    struct moment m;
    if (!read_any(text, len, &m, seconds)) return false;
    uint32_t n = 0;
    for (size_t i = 0; i < 9; i++)
        n = n * 10 + (i < m.digits ? (uint32_t)(m.fraction[i] - '0') : 0);
    if (nanos) *nanos = n;
    return true;
}

enum { NUMBER_DIGITS = 18 };

/* [-]digits[.digits], as a whole number and the first digits behind the point. */
static bool read_number(struct reader r, bool *negative, int64_t *whole, int64_t *nanos) {
    *negative = take(&r, '-');
    *whole = *nanos = 0;
    const char *start = r.at;
    while (r.at < r.end && is_digit(*r.at) && r.at - start < NUMBER_DIGITS)
        *whole = *whole * 10 + (*r.at++ - '0');
    if (r.at == start) return false;
    if (r.at == r.end) return true;
    if (!take(&r, '.') || r.at == r.end) return false;
    for (int64_t unit = 100000000; r.at < r.end && is_digit(*r.at); unit /= 10)
        *nanos += unit * (*r.at++ - '0');
    return r.at == r.end;
}

static bool parse_number(const char *text, size_t len, bool millis, char out[WHEN_MAX]) {
    bool negative;
    int64_t seconds, nanos;
    if (!read_number((struct reader){text, text + len}, &negative, &seconds, &nanos)) return false;
    if (millis) {
        nanos = seconds % 1000 * 1000000 + nanos / 1000;
        seconds /= 1000;
    }
    if (negative) {
        seconds = -seconds - (nanos > 0);
        if (nanos > 0) nanos = 1000000000 - nanos;
    }
    return when_write(seconds, (uint32_t)nanos, out);
}

bool when_parse(const char *text, size_t len, enum when_form form, char out[WHEN_MAX]) {
    struct moment m;
    int64_t seconds;
    out[0] = '\0';
    if (form != WHEN_TEXT) return parse_number(text, len, form == WHEN_MILLIS, out);
    if (!read_any(text, len, &m, &seconds)) return false;
    write_seconds(seconds, m.fraction, m.digits, out);
    return true;
}
