/* Texts: write dates, times, durations, UUIDs and bytes as JSON strings. Part of module.c.
 *
 * Only values of exactly these types are written here. A function returns false without an exception for
 * other values, such as times of a zone that Python code describes. The reference writes or refuses those.
 */
#include <datetime.h>
#include "common/schema.h"
#include "write/buffer.h"
#include "write/digits.h"

enum { TEXT_ROOM = 64 }; /* room for any text but that of bytes */

static inline char *text_add_two(char *to, int number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    return to + 2;
}

static char *text_add_date(char *to, PyObject *date)
{
    int year = PyDateTime_GET_YEAR(date);
    to = text_add_two(text_add_two(to, year / 100), year % 100);
    *to++ = '-';
    to = text_add_two(to, PyDateTime_GET_MONTH(date));
    *to++ = '-';
    return text_add_two(to, PyDateTime_GET_DAY(date));
}

static char *text_add_microsecond(char *to, int microsecond)
{
    *to++ = '.';
    to = text_add_two(to, microsecond / 10000);
    to = text_add_two(to, microsecond / 100 % 100);
    return text_add_two(to, microsecond % 100);
}

static char *text_add_time(char *to, int hour, int minute, int second, int microsecond)
{
    to = text_add_two(to, hour);
    *to++ = ':';
    to = text_add_two(to, minute);
    *to++ = ':';
    to = text_add_two(to, second);
    return microsecond ? text_add_microsecond(to, microsecond) : to;
}

/* Add the offset of a zone, which `timezone.utcoffset` returns. Return NULL if the zone is not a `timezone`
 * of whole minutes. */
static char *text_add_zone(char *to, PyObject *zone, PyObject *utcoffset)
{
    int minutes = 0;
    if (zone == Py_None) {
        return to;
    }
    if (zone != PyDateTime_TimeZone_UTC) {
        if (!Py_IS_TYPE(zone, Py_TYPE(PyDateTime_TimeZone_UTC)) || utcoffset == NULL) {
            return NULL;
        }
        PyObject *args[] = {zone, Py_None};
        PyObject *offset = PyObject_Vectorcall(utcoffset, args, 2, NULL);
        if (offset == NULL || !PyDelta_CheckExact(offset)) {
            Py_XDECREF(offset);
            return NULL;
        }
        int seconds = PyDateTime_DELTA_GET_DAYS(offset) * 86400 + PyDateTime_DELTA_GET_SECONDS(offset);
        bool whole = seconds % 60 == 0 && PyDateTime_DELTA_GET_MICROSECONDS(offset) == 0;
        Py_DECREF(offset);
        if (!whole) {
            return NULL;
        }
        minutes = seconds / 60;
    }
    *to++ = minutes < 0 ? '-' : '+';
    minutes = minutes < 0 ? -minutes : minutes;
    to = text_add_two(to, minutes / 60);
    *to++ = ':';
    return text_add_two(to, minutes % 60);
}

static char *text_add_datetime(char *to, PyObject *value, PyObject *utcoffset)
{
    to = text_add_date(to, value);
    *to++ = 'T';
    to = text_add_time(to, PyDateTime_DATE_GET_HOUR(value), PyDateTime_DATE_GET_MINUTE(value),
                       PyDateTime_DATE_GET_SECOND(value), PyDateTime_DATE_GET_MICROSECOND(value));
    return text_add_zone(to, PyDateTime_DATE_GET_TZINFO(value), utcoffset);
}

static char *text_add_clock(char *to, PyObject *value, PyObject *utcoffset)
{
    to = text_add_time(to, PyDateTime_TIME_GET_HOUR(value), PyDateTime_TIME_GET_MINUTE(value),
                       PyDateTime_TIME_GET_SECOND(value), PyDateTime_TIME_GET_MICROSECOND(value));
    return text_add_zone(to, PyDateTime_TIME_GET_TZINFO(value), utcoffset);
}

static char *text_add_timedelta(char *to, PyObject *value)
{
    int days = PyDateTime_DELTA_GET_DAYS(value), microseconds = PyDateTime_DELTA_GET_MICROSECONDS(value);
    int64_t seconds = (int64_t)days * 86400 + PyDateTime_DELTA_GET_SECONDS(value);
    if (days < 0) {
        *to++ = '-';
        seconds = -seconds - (microseconds > 0);
        microseconds = microseconds > 0 ? 1000000 - microseconds : 0;
    }
    int64_t whole = seconds / 86400;
    seconds %= 86400;
    *to++ = 'P';
    if (whole) {
        to = digits_write(to, whole);
        *to++ = 'D';
    }
    if (seconds || microseconds || !whole) {
        *to++ = 'T';
        to = digits_write(to, seconds);
        if (microseconds) {
            to = text_add_microsecond(to, microseconds);
            while (to[-1] == '0') {
                to--;
            }
        }
        *to++ = 'S';
    }
    return to;
}

/* Split an int of at most 128 bits. Return false for another object. */
static bool text_split(PyObject *number, uint64_t *high, uint64_t *low)
{
    if (number == NULL || !PyLong_CheckExact(number)) {
        return false;
    }
    PyObject *shift = PyLong_FromLong(64), *rest = NULL;
    if (shift != NULL) {
        Py_INCREF(number);
        rest = PyNumber_Rshift(number, shift);
        *low = PyLong_AsUnsignedLongLongMask(number);
        Py_DECREF(number);
        Py_DECREF(shift);
    }
    if (rest == NULL) {
        return false;
    }
    *high = PyLong_AsUnsignedLongLong(rest);
    Py_DECREF(rest);
    if (!PyErr_Occurred()) {
        return true;
    }
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear(); /* it is negative or has more bits */
    }
    return false;
}

static inline char *text_add_hex(char *to, uint64_t number, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        *to++ = "0123456789abcdef"[number >> 4 * i & 0xF];
    }
    return to;
}

static char *text_add_uuid(char *to, PyObject *value, const UuidLayout *layout)
{
    uint64_t high, low;
    if (!text_split(*record_slot(value, layout->int_offset), &high, &low)) {
        return NULL;
    }
    to = text_add_hex(to, high >> 32, 8);
    *to++ = '-';
    to = text_add_hex(to, high >> 16, 4);
    *to++ = '-';
    to = text_add_hex(to, high, 4);
    *to++ = '-';
    to = text_add_hex(to, low >> 48, 4);
    *to++ = '-';
    return text_add_hex(to, low, 12);
}

/* Add up to four bytes in base85, as `base64.b85encode` does: one character more than bytes. */
static inline char *text_add_group(char *to, const uint8_t *p, size_t n)
{
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    uint32_t number = 0;
    for (size_t i = 0; i < 4; i++) {
        number = number << 8 | (i < n ? p[i] : 0u);
    }
    /* Two halves that a processor can split at the same time. */
    uint32_t half = number / 7225, low = number % 7225, high = half % 7225;
    char all[] = {digits[half / 7225], digits[high / 85], digits[high % 85], digits[low / 85],
                  digits[low % 85]};
    memcpy(to, all, n + 1);
    return to + n + 1;
}

static bool text_write_bytes(Buffer *b, PyObject *value)
{
    size_t n = (size_t)PyBytes_GET_SIZE(value);
    if (!buffer_reserve(b, n / 4 * 5 + 7)) {
        return false;
    }
    const uint8_t *p = (const uint8_t *)PyBytes_AS_STRING(value);
    char *to = b->to;
    *to++ = '"';
    for (; n >= 4; n -= 4, p += 4) {
        to = text_add_group(to, p, 4);
    }
    if (n) {
        to = text_add_group(to, p, n);
    }
    *to++ = '"';
    b->to = to;
    return true;
}

/* Write a value of a kind from KIND_DATETIME to KIND_BYTES, which the caller owns. */
static bool text_write(Buffer *b, const Kind *kind, PyObject *value)
{
    if (kind->name == KIND_BYTES) {
        return PyBytes_CheckExact(value) && text_write_bytes(b, value);
    }
    if (!buffer_reserve(b, TEXT_ROOM)) {
        return false;
    }
    char *to = b->to, *after = NULL;
    *to++ = '"';
    switch (kind->name) {
    case KIND_DATETIME:
        after = PyDateTime_CheckExact(value) ? text_add_datetime(to, value, kind->make) : NULL;
        break;
    case KIND_DATE:
        after = PyDate_CheckExact(value) ? text_add_date(to, value) : NULL;
        break;
    case KIND_TIME:
        after = PyTime_CheckExact(value) ? text_add_clock(to, value, kind->make) : NULL;
        break;
    case KIND_TIMEDELTA:
        after = PyDelta_CheckExact(value) ? text_add_timedelta(to, value) : NULL;
        break;
    default:
        after = Py_IS_TYPE(value, kind->uuid->type) ? text_add_uuid(to, value, kind->uuid) : NULL;
    }
    if (after == NULL) {
        return false;
    }
    *after = '"';
    b->to = after + 1;
    return true;
}
