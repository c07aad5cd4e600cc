/* Integers to decimal digits.
 *
 * A processor cannot predict how many digits a count has, and a wrong prediction costs as much as two
 * numbers. So numbers of at most eight digits, which nearly all counts are, are written without a branch.
 */
#ifndef USAGEWIRE_DIGITS_H
#define USAGEWIRE_DIGITS_H

#include "common/platform.h"

enum {
    DIGITS_EIGHT = 100000000, /* the first number of nine digits */
    DIGITS_ROOM = 24,         /* room for any int64 */
};

/* Return the eight digits of a number below DIGITS_EIGHT. The first is in the lowest byte. */
static inline uint64_t digits_eight(uint32_t n)
{
    /* A word holds numbers of four digits, then of two, then of one. A product and a shift divide numbers
     * below 10000 by 100, and numbers below 100 by 10. */
    uint64_t fours = n / 10000 | (uint64_t)(n % 10000) << 32;
    uint64_t hundreds = fours * 5243 >> 19 & UINT64_C(0x0000007F0000007F);
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000F000F000F000F);
    return (tens | (twos - 10 * tens) << 8) + UINT64_C(0x3030303030303030);
}

/* Write a word, its lowest byte first. gcc and clang make one store of this. */
static inline void digits_store(char *to, uint64_t word)
{
    for (int i = 0; i < 8; i++) {
        to[i] = (char)(word >> 8 * i & 0xFF);
    }
}

/* Write a number below DIGITS_EIGHT; return the end. */
static inline char *digits_short(char *to, uint32_t n)
{
    static const uint32_t first[] = {0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, DIGITS_EIGHT};
    /* 1233 / 4096 is slightly less than log10(2). So a number with these bits has at least `sure` digits. */
    unsigned sure = (highest_bit(n | 1) + 1) * 1233 >> 12, size = sure + (n >= first[sure]);
    digits_store(to, digits_eight(n) >> (64 - 8 * size));
    return to + size;
}

/* Write a number of at least DIGITS_EIGHT; return the end. */
static char *digits_long(char *to, uint64_t n)
{
    uint64_t before = n / DIGITS_EIGHT;
    to = before < DIGITS_EIGHT ? digits_short(to, (uint32_t)before) : digits_long(to, before);
    digits_store(to, digits_eight((uint32_t)(n % DIGITS_EIGHT)));
    return to + 8;
}

/* Write a number where there is DIGITS_ROOM; return the end. */
static inline char *digits_write(char *to, int64_t number)
{
    if ((uint64_t)number < DIGITS_EIGHT) {
        return digits_short(to, (uint32_t)number);
    }
    if (number >= 0) {
        return digits_long(to, (uint64_t)number);
    }
    *to++ = '-';
    uint64_t n = 0 - (uint64_t)number;
    return n < DIGITS_EIGHT ? digits_short(to, (uint32_t)n) : digits_long(to, n);
}

#endif
