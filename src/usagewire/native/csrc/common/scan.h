/* Tokens of JSON: whitespace, strings and numbers, found in bytes that end at `end`.
 *
 * Nothing here makes or knows a Python object. No byte at or past `end` is read, and no NUL is
 * expected there. A function returns false for a token that it does not know, whose meaning orjson decides.
 * A plain letter is an ASCII character that stands for itself in a JSON string.
 */
#ifndef USAGEWIRE_SCAN_H
#define USAGEWIRE_SCAN_H

#include "common/platform.h"

typedef struct {
    const uint8_t *p;   /* the next byte */
    const uint8_t *end; /* past the last byte */
    bool lines;         /* whether LF ends the text instead of being whitespace */
} Scan;

static inline bool
scan_is_space(const Scan *s, uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !s->lines);
}

/* Skip whitespace. */
static inline void
scan_space(Scan *s)
{
    while (s->p < s->end && *s->p <= ' ' && scan_is_space(s, *s->p)) {
        s->p++;
    }
}

/* Skip whitespace and then over `c`; false where something else stands there. */
static inline bool
scan_sign(Scan *s, uint8_t c)
{
    if (s->p < s->end && *s->p == c) {
        s->p++;
        return true;
    }
    scan_space(s);
    if (s->p < s->end && *s->p == c) {
        s->p++;
        return true;
    }
    return false;
}

/* Skip the letters of `word`, as of true, false or null. */
static inline bool
scan_word(Scan *s, const char *word, size_t length)
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
    bool escaped; /* whether there is a backslash: `text` is then as it stands in the JSON */
} Text;

static inline bool
scan_is_plain_letter(uint8_t c)
{
    return c != '"' && c != '\\' && c >= 0x20 && c < 0x80;
}

/* Whether eight letters are plain. */
static inline bool
scan_is_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    /* Of bytes below 0x80, subtracting sets the top bit of the first that is less, and only of such or
     * of those after it. */
    uint64_t special = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (special & tops) == 0;
}

/* Skip plain letters. */
static inline const uint8_t *
scan_letters(const uint8_t *p, const uint8_t *end)
{
#if defined(USAGEWIRE_SSE2)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Compared as signed numbers, bytes from 0x80 on are less than a space, too. */
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
    while (p < end && scan_is_plain_letter(*p)) {
        p++;
    }
    return p;
}

/* Skip letters up to a quote, a backslash or a control character, and note whether all are ASCII. */
static inline const uint8_t *
scan_any_letters(const uint8_t *p, const uint8_t *end, bool *ascii)
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
            /* Of what is above ASCII, only that before the lowest bit of `found` was passed. */
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

/* Skip the rest of a string, from its first letter at or after `p` that is not plain. */
static bool
scan_slow_string(Scan *s, const uint8_t *p, Text *text)
{
    for (;;) {
        p = scan_any_letters(p, s->end, &text->ascii);
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

/* Skip a string whose opening quote was passed. False where it does not end or has a control
 * character, which JSON does not allow. Whether escapes and UTF-8 are right is not looked at. */
static inline bool
scan_string(Scan *s, Text *text)
{
    const uint8_t *p = scan_letters(s->p, s->end);
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
    SCAN_DIGITS = 18, /* that many digits always fit in 64 bits */
    SCAN_DEPTH = 200, /* deeper values are for the reference: orjson has a limit for documents, too */
};

static inline bool
scan_is_digit(uint8_t c)
{
    return (unsigned)(c - '0') < 10;
}

/* Skip an integer of at most 7 digits without a sign, eight bytes at once. False for every other
 * number, with `s` as it was. */
static inline bool
scan_short_integer(Scan *s, int64_t *number)
{
#if defined(USAGEWIRE_LITTLE_ENDIAN)
    uint64_t digits, special;
    if (s->end - s->p < 8) {
        return false;
    }
    memcpy(&digits, s->p, 8);
    digits ^= UINT64_C(0x3030303030303030);
    /* A byte that is no digit has a bit in its upper half, or gets one by adding 6; the sum can only carry
     * from such a byte into later ones. */
    special = (digits | (digits + UINT64_C(0x0606060606060606))) & UINT64_C(0xF0F0F0F0F0F0F0F0);
    if (special == 0) {
        return false;
    }
    unsigned n = lowest_bit(special) >> 3;
    uint8_t after = s->p[n];
    if (n == 0 || (n > 1 && *s->p == '0') || after == '.' || (after | 0x20) == 'e') {
        return false;
    }
    /* Zeros in front; then pairs of digits, and the four pairs, are put together. */
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

/* Skip an integer of at most SCAN_DIGITS digits. False for every other number, -0 included,
 * with `s` as it was. */
static inline bool
scan_integer(Scan *s, int64_t *number)
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
    /* A digit, a point or an exponent: not an integer, or a longer one. */
    if (p < s->end && (scan_is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E')) {
        return false;
    }
    *number = negative ? -(int64_t)n : (int64_t)n;
    s->p = p;
    return true;
}

/* Properties of a value that was skipped. */
typedef struct {
    size_t depth; /* how deep it nests */
    bool numbers; /* whether it has a number other than an integer of at most SCAN_DIGITS characters */
} Seen;

/* Skip the bytes of one value, whatever it is, by its quotes and brackets alone. False where it
 * does not end. Whether it is JSON is for orjson to say. */
static bool
scan_seen_value(Scan *s, Seen *seen)
{
    Text text;
    size_t depth = 0;
    *seen = (Seen){0, false};
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
            seen->depth = depth > seen->depth ? depth : seen->depth;
        }
        else if (c == '}' || c == ']') {
            if (depth == 0) {
                return false;
            }
            s->p++;
            depth--;
        }
        else if (c == ',' || c == ':') {
            if (depth == 0) {
                return false;
            }
            s->p++;
        }
        else if (c < 0x20) {
            return false;
        }
        else {
            const uint8_t *start = s->p;
            bool point = false;
            while (s->p < s->end && *s->p > ' ' && *s->p != ',' && *s->p != '}' && *s->p != ']' &&
                   *s->p != ':' && *s->p != '"' && *s->p != '{' && *s->p != '[') {
                point |= *s->p == '.' || *s->p == 'e' || *s->p == 'E';
                s->p++;
            }
            bool is_word = *start == 't' || *start == 'f' || *start == 'n';
            seen->numbers |= !is_word && (point || s->p - start > SCAN_DIGITS);
        }
    } while (depth);
    return true;
}

static bool
scan_value(Scan *s)
{
    Seen seen;
    return scan_seen_value(s, &seen);
}

/* Skip a string of plain letters. */
static inline bool
scan_plain_string(Scan *s)
{
    Text text;
    return scan_sign(s, '"') && scan_string(s, &text) && text.ascii && !text.escaped;
}

/* Skip a key and its colon. */
static inline bool
scan_plain_key(Scan *s)
{
    return scan_plain_string(s) && scan_sign(s, ':');
}

/* Skip a word, an integer or a string, or the opening bracket of a list or an object, which `*opened`
 * then is; else it is 0. */
static bool
scan_plain_start(Scan *s, uint8_t *opened)
{
    int64_t number;
    *opened = 0;
    scan_space(s);
    if (s->p == s->end) {
        return false;
    }
    switch (*s->p) {
    case '"':
        return scan_plain_string(s);
    case '{':
    case '[':
        *opened = *s->p++;
        scan_space(s);
        return true;
    case 't':
        return scan_word(s, "true", 4);
    case 'f':
        return scan_word(s, "false", 5);
    case 'n':
        return scan_word(s, "null", 4);
    default:
        return scan_integer(s, &number);
    }
}

enum { SCAN_PLAIN_DEPTH = 64 }; /* one bit each */

/* Skip a value that is JSON for sure: words, integers of at most SCAN_DIGITS digits, strings of plain
 * letters, and lists and objects of these. False for every other one, which may be JSON too, with `s` as
 * it was. */
static bool
scan_plain_value(Scan *s)
{
    const uint8_t *start = s->p;
    uint64_t objects = 0; /* a bit for each level that is an object, the innermost lowest */
    unsigned depth = 0;
    uint8_t opened;
    while (scan_plain_start(s, &opened)) {
        if (opened) {
            if (depth++ == SCAN_PLAIN_DEPTH) {
                break;
            }
            objects = objects << 1 | (opened == '{');
            bool empty = s->p < s->end && *s->p == (opened == '{' ? '}' : ']');
            if (!empty) {
                if (opened == '{' && !scan_plain_key(s)) {
                    break;
                }
                continue;
            }
        }
        while (depth && scan_sign(s, objects & 1 ? '}' : ']')) {
            objects >>= 1;
            depth--;
        }
        if (depth == 0) {
            return true;
        }
        if (!scan_sign(s, ',') || ((objects & 1) && !scan_plain_key(s))) {
            break;
        }
    }
    s->p = start;
    return false;
}

#endif
