/* Texts: make dates, times, durations, UUIDs and bytes from JSON strings. Part of module.c.
 *
 * A function returns false, or NULL without an exception, for a text that is not in the usual form or has no
 * value. The hook of the reference then decides. The rules are those of `converters.values.text`.
 */
#include <datetime.h>
#include "common/schema.h"

typedef struct {
    int year;
    int month;
    int day;
} TextDate;

typedef struct {
    int hour;
    int minute;
    int second;
    int microsecond;
    bool zoned; /* whether there is an offset from UTC */
    int offset; /* in minutes */
} TextTime;

enum { TEXT_DATE = 10, TEXT_TIME = 8 }; /* bytes of 2026-11-30 and 01:02:03 */

/* Return the number of two digits, or a number above 99. */
static inline int text_two(const uint8_t *p)
{
    return scan_is_digit(p[0]) && scan_is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : 100;
}

/* Read TEXT_DATE bytes as a date. */
static bool text_date(const uint8_t *p, TextDate *date)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century = text_two(p), year = text_two(p + 2), month = text_two(p + 5), day = text_two(p + 8);
    if (century > 99 || year > 99 || p[4] != '-' || p[7] != '-') {
        return false;
    }
    bool leap = year % 4 == 0 && (year != 0 || century % 4 == 0);
    *date = (TextDate){century * 100 + year, month, day};
    return date->year > 0 && month > 0 && month <= 12 && day > 0 &&
           day <= days[month - 1] + (leap && month == 2);
}

/* Skip a fraction of a second. Return its microseconds, or -1 if it has no digits. Digits after the
 * sixth are only skipped if they are 0, so that the caller refuses any other. */
static int text_fraction(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at, *start = p;
    int microsecond = 0;
    for (; p < end && p - start < 6 && scan_is_digit(*p); p++) {
        microsecond = microsecond * 10 + (*p - '0');
    }
    if (p == start) {
        return -1;
    }
    for (Py_ssize_t digits = p - start; digits < 6; digits++) {
        microsecond *= 10;
    }
    while (p < end && *p == '0') {
        p++;
    }
    *at = p;
    return microsecond;
}

/* Read a time that may have an offset. */
static bool text_time(const uint8_t *p, const uint8_t *end, TextTime *time)
{
    if (end - p < TEXT_TIME || p[2] != ':' || p[5] != ':') {
        return false;
    }
    *time = (TextTime){.hour = text_two(p), .minute = text_two(p + 3), .second = text_two(p + 6)};
    if (time->hour > 23 || time->minute > 59 || time->second > 59) {
        return false;
    }
    p += TEXT_TIME;
    if (p < end && *p == '.') {
        p++;
        time->microsecond = text_fraction(&p, end);
        if (time->microsecond < 0) {
            return false;
        }
    }
    if (p == end) {
        return true;
    }
    time->zoned = true;
    if (end - p == 1) {
        return *p == 'Z' || *p == 'z';
    }
    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return false;
    }
    int hours = text_two(p + 1), minutes = text_two(p + 4);
    time->offset = (*p == '-' ? -1 : 1) * (hours * 60 + minutes);
    return hours <= 23 && minutes <= 59;
}

/* Return the `tzinfo` of a time. Most times of a file have the same one. */
static PyObject *text_zone(Values *values, const TextTime *time)
{
    if (!time->zoned) {
        return Py_NewRef(Py_None);
    }
    if (time->offset == 0) {
        return Py_NewRef(PyDateTime_TimeZone_UTC);
    }
    if (values->zone == NULL || values->zone_offset != time->offset) {
        PyObject *offset = PyDelta_FromDSU(0, time->offset * 60, 0);
        PyObject *zone = offset == NULL ? NULL : PyTimeZone_FromOffset(offset);
        Py_XDECREF(offset);
        if (zone == NULL) {
            return NULL;
        }
        Py_XSETREF(values->zone, zone);
        values->zone_offset = time->offset;
    }
    return Py_NewRef(values->zone);
}

static PyObject *text_read_date(const uint8_t *p, const uint8_t *end)
{
    TextDate date;
    return end - p == TEXT_DATE && text_date(p, &date) ? PyDate_FromDate(date.year, date.month, date.day)
                                                       : NULL;
}

static PyObject *text_read_datetime(Values *values, const uint8_t *p, const uint8_t *end)
{
    TextDate date;
    TextTime time;
    if (end - p <= TEXT_DATE || !text_date(p, &date) || !text_time(p + TEXT_DATE + 1, end, &time)) {
        return NULL;
    }
    uint8_t between = p[TEXT_DATE];
    if (between != 'T' && between != 't' && between != ' ') {
        return NULL;
    }
    PyObject *zone = text_zone(values, &time);
    if (zone == NULL) {
        return NULL;
    }
    PyObject *made = PyDateTimeAPI->DateTime_FromDateAndTime(
        date.year, date.month, date.day, time.hour, time.minute, time.second, time.microsecond, zone,
        PyDateTimeAPI->DateTimeType);
    Py_DECREF(zone);
    return made;
}

static PyObject *text_read_time(Values *values, const uint8_t *p, const uint8_t *end)
{
    TextTime time;
    PyObject *zone = text_time(p, end, &time) ? text_zone(values, &time) : NULL;
    if (zone == NULL) {
        return NULL;
    }
    PyObject *made = PyDateTimeAPI->Time_FromTime(time.hour, time.minute, time.second, time.microsecond,
                                                  zone, PyDateTimeAPI->TimeType);
    Py_DECREF(zone);
    return made;
}

enum { TEXT_PART = 9, TEXT_DAYS = 999999999 }; /* most digits of a part of a duration, and most days */

/* Skip the digits of a part of a duration. Return the number, or -1 if there are none or too many. */
static int64_t text_part(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    int64_t number = 0;
    for (; p < end && p - *at <= TEXT_PART && scan_is_digit(*p); p++) {
        number = number * 10 + (*p - '0');
    }
    bool fits = p > *at && p - *at <= TEXT_PART;
    *at = p;
    return fits ? number : -1;
}

/* Read the parts of a duration after its P. Each unit comes at most once, in order, and one has to come. */
static bool text_parts(const uint8_t *p, const uint8_t *end, int64_t *seconds, int *microseconds)
{
    static const struct {
        uint8_t name;
        bool timed; /* whether it comes after the T */
        int32_t seconds;
    } units[] = {{'W', false, 604800}, {'D', false, 86400},
                 {'H', true, 3600}, {'M', true, 60}, {'S', true, 1}};
    enum { UNITS = sizeof units / sizeof *units };
    size_t next = 0;
    bool timed = false;
    *seconds = *microseconds = 0;
    do {
        if (!timed && p < end && *p == 'T') {
            timed = true;
            p++;
        }
        int64_t number = text_part(&p, end);
        bool fraction = number >= 0 && p < end && *p == '.';
        if (fraction) {
            p++;
            *microseconds = text_fraction(&p, end);
        }
        if (number < 0 || *microseconds < 0 || p == end) {
            return false;
        }
        while (next < UNITS && (units[next].name != *p || units[next].timed != timed)) {
            next++;
        }
        if (next == UNITS || (fraction && *p != 'S')) {
            return false;
        }
        *seconds += number * units[next++].seconds;
        p++;
    } while (p < end);
    return true;
}

static PyObject *text_read_timedelta(const uint8_t *p, const uint8_t *end)
{
    int64_t seconds;
    int microseconds;
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end || *p != 'P' || !text_parts(p + 1, end, &seconds, &microseconds)) {
        return NULL;
    }
    if (negative) {
        seconds = -seconds - (microseconds > 0);
        microseconds = microseconds > 0 ? 1000000 - microseconds : 0;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        days--;
        rest += 86400;
    }
    if (days < -TEXT_DAYS || days > TEXT_DAYS) {
        return NULL;
    }
    return PyDelta_FromDSU((int)days, (int)rest, microseconds);
}

enum { TEXT_NOT_BASE85 = 99 };

/* The value of each character in base85, as in `base64.b85decode`. */
static const uint8_t text_base85[128] = {
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 62, 99, 63, 64, 65, 66, 99, 67, 68, 69, 70, 99, 71, 99, 99,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99, 72, 73, 74, 75, 76,
    77, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 99, 99, 99, 78, 79,
    80, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
    51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 81, 82, 83, 84, 99,
};

/* Read `n` ASCII characters as digits of base85. Return a number above 32 bits if there are other ones. */
static inline uint64_t text_group(const uint8_t *p, size_t n)
{
    uint64_t number = 0;
    bool wrong = false;
    for (size_t i = 0; i < n; i++) {
        uint8_t digit = text_base85[p[i] & 0x7F];
        wrong |= digit == TEXT_NOT_BASE85;
        number = number * 85 + digit;
    }
    return wrong ? UINT64_MAX : number;
}

static inline void text_store(uint8_t *to, uint64_t number, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

/* Read the last group of 2, 3 or 4 characters, which has a byte less. Several groups decode to the same
 * bytes, but the encoder only gives the least of them. */
static bool text_last_group(const uint8_t *p, size_t n, uint8_t *to)
{
    static const uint32_t powers[] = {0, 0, 614125, 7225, 85};
    uint64_t number = text_group(p, n), least = number * powers[n], most = least + powers[n] - 1;
    uint64_t kept = most & UINT64_MAX << (40 - 8 * n);
    if (number > UINT32_MAX || most > UINT32_MAX || kept < least) {
        return false;
    }
    text_store(to, kept, n - 1);
    return true;
}

static PyObject *text_read_bytes(const uint8_t *p, const uint8_t *end)
{
    size_t length = (size_t)(end - p), rest = length % 5;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(length / 5 * 4 + (rest ? rest - 1 : 0)));
    if (bytes == NULL) {
        return NULL;
    }
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(bytes);
    bool read = rest != 1;
    for (; read && end - p >= 5; p += 5, to += 4) {
        uint64_t number = text_group(p, 5);
        read = number <= UINT32_MAX;
        text_store(to, number, 4);
    }
    if (!read || (rest && !text_last_group(p, rest, to))) {
        Py_DECREF(bytes);
        return NULL;
    }
    return bytes;
}

enum { TEXT_UUID = 36 };

/* Read the `n` digits of a part of a UUID. `*wrong` gets bits if there are other characters. */
static inline uint64_t text_hex(const uint8_t *p, size_t n, unsigned *wrong)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        /* Without branches, because a processor cannot predict whether a digit is a letter. */
        unsigned c = p[i], digit = c - '0', letter = (c | 0x20) - 'a';
        *wrong |= (digit > 9) & (letter > 5);
        number = number << 4 | (letter > 5 ? digit & 0xF : letter + 10);
    }
    return number;
}

/* Return the int of 128 bits. */
static PyObject *text_long(uint64_t high, uint64_t low)
{
    PyObject *number = PyLong_FromUnsignedLongLong(high), *rest = PyLong_FromUnsignedLongLong(low);
    PyObject *shift = PyLong_FromLong(64);
    if (number != NULL && rest != NULL && shift != NULL) {
        Py_SETREF(number, PyNumber_Lshift(number, shift));
        if (number != NULL) {
            Py_SETREF(number, PyNumber_Or(number, rest));
        }
    }
    else {
        Py_CLEAR(number);
    }
    Py_XDECREF(rest);
    Py_XDECREF(shift);
    return number;
}

/* A UUID is not GC-tracked: it holds an int and the member of an enum, and does not change. */
static PyObject *text_read_uuid(const uint8_t *p, const uint8_t *end, const UuidLayout *layout)
{
    unsigned wrong = 0;
    if (end - p != TEXT_UUID || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-') {
        return NULL;
    }
    uint64_t high = text_hex(p, 8, &wrong) << 32 | text_hex(p + 9, 4, &wrong) << 16;
    high |= text_hex(p + 14, 4, &wrong);
    uint64_t low = text_hex(p + 19, 4, &wrong) << 48 | text_hex(p + 24, 12, &wrong);
    PyObject *number = wrong ? NULL : text_long(high, low);
    if (number == NULL) {
        return NULL;
    }
    PyObject *uuid = (PyObject *)PyObject_GC_New(PyObject, layout->type);
    if (uuid == NULL) {
        Py_DECREF(number);
        return NULL;
    }
    memset(uuid + 1, 0, (size_t)layout->type->tp_basicsize - sizeof *uuid);
    *record_slot(uuid, layout->int_offset) = number;
    *record_slot(uuid, layout->is_safe_offset) = Py_NewRef(layout->is_safe);
    return uuid;
}

/* Read a JSON string as a value of a kind from KIND_DATETIME to KIND_BYTES. */
static PyObject *text_read(Input *r, const Kind *kind)
{
    Text text;
    if (!scan_char(&r->s, '"')) {
        return NULL;
    }
    if (!scan_string(&r->s, &text)) {
        return value_malformed(r);
    }
    if (text.escaped || !text.ascii) {
        return NULL;
    }
    const uint8_t *p = text.text, *end = p + text.length;
    switch (kind->name) {
    case KIND_DATETIME:
        return text_read_datetime(r->values, p, end);
    case KIND_DATE:
        return text_read_date(p, end);
    case KIND_TIME:
        return text_read_time(r->values, p, end);
    case KIND_TIMEDELTA:
        return text_read_timedelta(p, end);
    case KIND_UUID:
        return text_read_uuid(p, end, kind->uuid);
    default:
        return text_read_bytes(p, end);
    }
}
