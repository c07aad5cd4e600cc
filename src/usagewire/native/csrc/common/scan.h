/* Scan JSON tokens: whitespace, strings and numbers, in bytes that end at `end`.
 *
 * Nothing here makes or knows a Python object. No function reads a byte at or past `end`, or expects a NUL
 * there. A function returns false for a token that it does not know; orjson decides about those. A simple
 * character is an ASCII character that a JSON string holds without an escape.
 */
#ifndef USAGEWIRE_SCAN_H
#define USAGEWIRE_SCAN_H

#include "common/platform.h"

typedef struct {
    const uint8_t *p;   /* the next byte */
    const uint8_t *end; /* past the last byte */
    bool lines;         /* whether LF ends the text (it is not whitespace then) */
} Scan;

static inline bool scan_is_space(const Scan *s, uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !s->lines);
}

/* Skip whitespace of any length. Lines of pretty-printed JSON begin with about sixteen spaces. */
static void scan_long_space(Scan *s)
{
#if defined(USAGEWIRE_SSE2)
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i cr = _mm_set1_epi8('\r');
    const __m128i lf = s->lines ? space : _mm_set1_epi8('\n');
    while (s->end - s->p >= 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)s->p);
        __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(c, space), _mm_cmpeq_epi8(c, lf)),
                                     _mm_or_si128(_mm_cmpeq_epi8(c, tab), _mm_cmpeq_epi8(c, cr)));
        unsigned others = ~(unsigned)_mm_movemask_epi8(found) & 0xFFFF;
        if (others) {
            s->p += lowest_bit(others);
            return;
        }
        s->p += 16;
    }
#endif
    while (s->p < s->end && scan_is_space(s, *s->p)) {
        s->p++;
    }
}

static inline void scan_space(Scan *s)
{
    if (s->p < s->end && *s->p <= ' ' && scan_is_space(s, *s->p)) {
        s->p++;
        if (s->p < s->end && *s->p <= ' ') {
            scan_long_space(s);
        }
    }
}

/* Skip whitespace and then `c`. Return false if another character comes first. */
static inline bool scan_char(Scan *s, uint8_t c)
{
    if (s->p < s->end && *s->p != c) {
        scan_space(s);
    }
    if (s->p < s->end && *s->p == c) {
        s->p++;
        return true;
    }
    return false;
}

/* Skip the literal `word`: true, false or null. */
static inline bool scan_literal(Scan *s, const char *word, size_t length)
{
    if ((size_t)(s->end - s->p) < length || memcmp(s->p, word, length) != 0) {
        return false;
    }
    s->p += length;
    return true;
}

typedef struct {
    const uint8_t *text; /* after the opening quote */
    size_t length;
    bool ascii;   /* whether all bytes are ASCII */
    bool escaped; /* whether there is a backslash; `text` then has the escapes as in the JSON */
} Text;

static inline bool scan_is_simple(uint8_t c)
{
    return c != '"' && c != '\\' && c >= 0x20 && c < 0x80;
}

/* Whether eight characters are simple. */
static inline bool scan_is_simple_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    /* Each subtraction sets the top bit of the first byte that is too small. Later bytes may get it, earlier
     * ones not. */
    uint64_t special = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (special & tops) == 0;
}

/* Skip simple characters. */
static inline const uint8_t *scan_simple(const uint8_t *p, const uint8_t *end)
{
#if defined(USAGEWIRE_SSE2)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* As signed numbers, bytes of at least 0x80 are also less than a space. */
        __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash)),
                                   _mm_cmplt_epi8(c, space));
        int found = _mm_movemask_epi8(special);
        if (found) {
            return p + lowest_bit((unsigned)found);
        }
        p += 16;
    }
#elif defined(USAGEWIRE_NEON)
    while (end - p >= 16) {
        uint8x16_t c = vld1q_u8(p);
        uint8x16_t special = vorrq_u8(vorrq_u8(vceqq_u8(c, vdupq_n_u8('"')), vceqq_u8(c, vdupq_n_u8('\\'))),
                                  vorrq_u8(vcltq_u8(c, vdupq_n_u8(0x20)), vcgeq_u8(c, vdupq_n_u8(0x80))));
        uint64_t found = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(special), 4)), 0);
        if (found) {
            return p + (lowest_bit(found) >> 2);
        }
        p += 16;
    }
#endif
    while (p < end && scan_is_simple(*p)) {
        p++;
    }
    return p;
}

/* Skip characters up to a quote, a backslash or a control character, and note whether all are ASCII. */
static inline const uint8_t *scan_unescaped(const uint8_t *p, const uint8_t *end, bool *ascii)
{
#if defined(USAGEWIRE_SSE2)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    while (end - p >= 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(c, control), c));
        unsigned found = (unsigned)_mm_movemask_epi8(special), high = (unsigned)_mm_movemask_epi8(c);
        if (found) {
            /* Only bytes before the lowest bit of `found` were skipped. */
            *ascii &= (high & (found - 1) & ~found) == 0;
            return p + lowest_bit(found);
        }
        *ascii &= high == 0;
        p += 16;
    }
#endif
    for (; p < end && *p != '"' && *p != '\\' && *p >= 0x20; p++) {
        *ascii &= *p < 0x80;
    }
    return p;
}

/* Skip the rest of a string, from its first character at or after `p` that is not simple. */
static bool scan_slow_string(Scan *s, const uint8_t *p, Text *text)
{
    for (;;) {
        p = scan_unescaped(p, s->end, &text->ascii);
        if (p == s->end || *p < 0x20) {
            return false;
        }
        if (*p == '"') {
            text->length = (size_t)(p - text->text);
            s->p = p + 1;
            return true;
        }
        text->escaped = true;
        p++;
        if (p == s->end || *p < 0x20) {
            return false;
        }
        text->ascii &= *p < 0x80;
        p++;
    }
}

/* Skip a string after its opening quote. Return false if it does not end or has a control character, which
 * JSON forbids. The caller checks escapes and UTF-8. */
static inline bool scan_string(Scan *s, Text *text)
{
    const uint8_t *p = scan_simple(s->p, s->end);
    text->text = s->p;
    text->ascii = true;
    text->escaped = false;
    if (p < s->end && *p == '"') {
        text->length = (size_t)(p - s->p);
        s->p = p + 1;
        return true;
    }
    return scan_slow_string(s, p, text);
}

enum {
    SCAN_DIGITS = 18, /* a number of 18 digits always fits in 64 bits */
    SCAN_DEPTH = 200, /* deeper values are for the reference, because orjson has a limit for documents */
};

static inline bool scan_is_digit(uint8_t c)
{
    return (unsigned)(c - '0') < 10;
}

/* Skip an unsigned integer of at most 7 digits, reading eight bytes at once. Return false for other numbers,
 * and leave `s` unchanged. */
static inline bool scan_short_integer(Scan *s, int64_t *number)
{
#if defined(USAGEWIRE_LITTLE_ENDIAN)
    uint64_t digits, special;
    if (s->end - s->p < 8) {
        return false;
    }
    memcpy(&digits, s->p, 8);
    digits ^= UINT64_C(0x3030303030303030);
    /* A byte that is not a digit has a bit in its upper half, or gets one when 6 is added. The sum can only
     * carry into later bytes. */
    special = (digits | (digits + UINT64_C(0x0606060606060606))) & UINT64_C(0xF0F0F0F0F0F0F0F0);
    if (special == 0) {
        return false;
    }
    unsigned n = lowest_bit(special) >> 3;
    uint8_t after = s->p[n];
    if (n == 0 || (n > 1 && *s->p == '0') || after == '.' || (after | 0x20) == 'e') {
        return false;
    }
    /* Shift in leading zeros, then join digits to pairs, and the four pairs to a number. */
    digits <<= 64 - 8 * n;
    digits = digits * 10 + (digits >> 8);
    digits = ((digits & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064) +
              (digits >> 16 & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001)) >> 32;
    *number = (int64_t)(digits & UINT64_C(0xFFFFFFFF));
    s->p += n;
    return true;
#else
    (void)s;
    (void)number;
    return false;
#endif
}

/* Skip an integer of at most SCAN_DIGITS digits. Return false for other numbers and for -0, and leave `s`
 * unchanged. */
static inline bool scan_integer(Scan *s, int64_t *number)
{
    const uint8_t *p = s->p, *end = s->end;
    bool negative = p < end && *p == '-';
    p += negative;
    const uint8_t *start = p;
    if (end - start > SCAN_DIGITS) {
        end = start + SCAN_DIGITS;
    }
    uint64_t n = 0;
    for (; p < end && scan_is_digit(*p); p++) {
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == start || (*start == '0' && (p - start > 1 || negative))) {
        return false;
    }
    /* A digit, point or exponent follows: the number is longer, or not an integer. */
    if (p < s->end && (scan_is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E')) {
        return false;
    }
    *number = negative ? -(int64_t)n : (int64_t)n;
    s->p = p;
    return true;
}

/* Properties of a skipped value. */
typedef struct {
    size_t depth; /* number of nested levels */
    bool numbers; /* whether a double or 64 bits may not hold one of its numbers */
} ValueInfo;

/* Skip one value by its quotes and brackets alone. Return false if it does not end. orjson decides whether it
 * is JSON. */
static bool scan_value_info(Scan *s, ValueInfo *info)
{
    Text text;
    size_t depth = 0;
    *info = (ValueInfo){0, false};
    do {
        scan_space(s);
        if (s->p == s->end) {
            return false;
        }
        uint8_t c = *s->p;
        if (c == '"') {
            s->p++;
            if (!scan_string(s, &text)) {
                return false;
            }
        }
        else if (c == '{' || c == '[') {
            s->p++;
            if (++depth > SCAN_DEPTH) {
                return false;
            }
            info->depth = depth > info->depth ? depth : info->depth;
        }
        else if (c == '}' || c == ']' || c == ',' || c == ':') {
            if (depth == 0) {
                return false;
            }
            s->p++;
            depth -= (size_t)(c == '}' || c == ']');
        }
        else if (c < 0x20) {
            return false;
        }
        else {
            const uint8_t *start = s->p;
            bool point = false, exponent = false;
            while (s->p < s->end && *s->p > ' ' && *s->p != ',' && *s->p != '}' && *s->p != ']' &&
                   *s->p != ':' && *s->p != '"' && *s->p != '{' && *s->p != '[') {
                point |= *s->p == '.';
                exponent |= *s->p == 'e' || *s->p == 'E';
                s->p++;
            }
            bool is_word = *start == 't' || *start == 'f' || *start == 'n';
            /* A double holds any number of 15 digits and a point. */
            info->numbers |= !is_word && (exponent || s->p - start > (point ? 16 : SCAN_DIGITS));
        }
    } while (depth);
    return true;
}

static bool scan_value(Scan *s)
{
    ValueInfo info;
    return scan_value_info(s, &info);
}

static inline bool scan_simple_string(Scan *s)
{
    Text text;
    return scan_char(s, '"') && scan_string(s, &text) && text.ascii && !text.escaped;
}

static inline bool scan_simple_key(Scan *s)
{
    return scan_simple_string(s) && scan_char(s, ':');
}

/* Skip a literal, an integer or a simple string, or the opening bracket of an array or object. `*opened`
 * becomes that bracket, or 0. */
static bool scan_simple_start(Scan *s, uint8_t *opened)
{
    int64_t number;
    *opened = 0;
    scan_space(s);
    if (s->p == s->end) {
        return false;
    }
    switch (*s->p) {
    case '"':
        return scan_simple_string(s);
    case '{':
    case '[':
        *opened = *s->p++;
        scan_space(s);
        return true;
    case 't':
        return scan_literal(s, "true", 4);
    case 'f':
        return scan_literal(s, "false", 5);
    case 'n':
        return scan_literal(s, "null", 4);
    default:
        return scan_integer(s, &number);
    }
}

enum { SCAN_SIMPLE_DEPTH = 64 }; /* one bit for each level */

/* Skip a value that is certainly JSON: literals, integers of at most SCAN_DIGITS digits, strings of simple
 * characters, and arrays and objects of these. Return false for other values, which may also be JSON, and
 * leave `s` unchanged. */
static bool scan_simple_value(Scan *s)
{
    const uint8_t *start = s->p;
    uint64_t objects = 0; /* a bit for each level that is an object; the innermost is the lowest */
    unsigned depth = 0;
    uint8_t opened;
    while (scan_simple_start(s, &opened)) {
        if (opened) {
            if (depth++ == SCAN_SIMPLE_DEPTH) {
                break;
            }
            objects = objects << 1 | (opened == '{');
            bool empty = s->p < s->end && *s->p == (opened == '{' ? '}' : ']');
            if (!empty) {
                if (opened == '{' && !scan_simple_key(s)) {
                    break;
                }
                continue;
            }
        }
        while (depth && scan_char(s, objects & 1 ? '}' : ']')) {
            objects >>= 1;
            depth--;
        }
        if (depth == 0) {
            return true;
        }
        if (!scan_char(s, ',') || ((objects & 1) && !scan_simple_key(s))) {
            break;
        }
    }
    s->p = start;
    return false;
}

#endif
