/* Names that hide differences of compilers and processors: SIMD, byte order, prefetching, counting bits. */
#ifndef USAGEWIRE_PLATFORM_H
#define USAGEWIRE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#define USAGEWIRE_SSE2
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define USAGEWIRE_NEON
#include <arm_neon.h>
#endif

#if defined(_MSC_VER)
#include <intrin.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define USAGEWIRE_LITTLE_ENDIAN
#elif defined(_MSC_VER)
#define USAGEWIRE_LITTLE_ENDIAN
#endif

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL _Thread_local
#endif

/* Load memory into the cache, because it is needed soon. */
#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* Return the index of the lowest bit that is set; `bits` is not 0. */
static inline unsigned lowest_bit(uint64_t bits)
{
#if defined(_MSC_VER)
    unsigned long index;
    _BitScanForward64(&index, bits);
    return (unsigned)index;
#else
    return (unsigned)__builtin_ctzll(bits);
#endif
}

/* Return the index of the highest bit that is set; `bits` is not 0. */
static inline unsigned highest_bit(uint64_t bits)
{
#if defined(_MSC_VER)
    unsigned long index;
    _BitScanReverse64(&index, bits);
    return (unsigned)index;
#else
    return 63 - (unsigned)__builtin_clzll(bits);
#endif
}

/* Return how many bits are set. */
static inline unsigned count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

#endif
