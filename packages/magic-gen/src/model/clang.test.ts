import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { headerSet } from '../../test/headerSet.js';
import { titled, x86 } from '../../test/host.js';
import { findTarget } from '../targets/index.js';
import { verify } from '../verify/verify.js';
import { buildModel } from './build.js';

const noClang = spawnSync('clang-19', ['--version']).status === 0 ? undefined : 'there is no clang-19';

const understood: [string, string][] = [
  [
    'pointers to what is not declared',
    `struct s { char c; __u8 a[16] __attribute__((aligned(__alignof__(struct nowhere *)))); };
     #define SIZE sizeof(struct nowhere *)
     #define MORE (sizeof(const union nobody *[3]) + _Alignof(enum elsewhere **))
     #define CALL (sizeof(int (*)(struct nowhere *)))
     #define NONE sizeof(struct nowhere)
     #define NEITHER sizeof(struct nowhere[2])
     #define GET _IOR(0xAE, 1, struct nowhere *)`,
  ],
  [
    'ioctls that take an array',
    `typedef struct { __u16 v; } id_t;
     #define KVM_A _IOW(0xAE, 4, __u32[8])
     #define KVM_B _IOR(0xAE, 5, id_t[2][3])
     #define KVM_C _IOWR(0xAE, 6, unsigned char[3])
     #define SIZE sizeof(__u64[2])`,
  ],
  [
    '_Alignas and several alignments',
    `struct a { char c; _Alignas(8) int x, y; };
     struct b { char c; _Alignas(8) _Alignas(16) int x; } __attribute__((packed));
     struct c { char c; _Alignas(0) int x; int _Alignas(long long) y; const _Alignas(2 * 8) char z; };
     struct d { char c; int x __attribute__((aligned(16), aligned(4))); };
     struct e { char c; int x __attribute__((aligned(4))) __attribute__((aligned(16))); };
     struct f { char c; _Alignas(__u64) __u8 x[3]; _Alignas(struct a) char y; };`,
  ],
  [
    'what the compiler says of itself',
    `#ifdef __has_include
     #if __has_include(<linux/types.h>) && !__has_include(<linux/no.h>) && __has_include("kvm.h")
     #define HEADERS 1
     #endif
     #define TYPES <linux/types.h>
     #if __has_include(TYPES)
     #define EXPANDED 1
     #endif
     #endif
     #if defined(__has_attribute) && __has_attribute(__packed__) && !__has_attribute(scalar_storage_order)
     #define ATTRIBUTES 1
     #endif
     #define ASKS __has_builtin(__builtin_bswap32) && defined(__has_builtin)
     #if ASKS
     #define BUILTINS 1
     #endif
     #ifdef __SSE2__
     #define SSE 2
     #endif
     #if __INT_MAX__ == 0x7fffffff && __LONG_MAX__ > 0 && __BIGGEST_ALIGNMENT__ > 0
     #define LIMITS __LONG_MAX__
     #endif
     #if defined(__clang__) && __GNUC__ == 4 && __STDC_VERSION__ == 201112L
     #define COMPILER __clang_major__
     #endif
     struct s { __UINT32_TYPE__ a; __INT64_TYPE__ b; __SIZE_TYPE__ c; };`,
  ],
  [
    'pragmas that change nothing',
    `#pragma GCC diagnostic push
     #pragma GCC diagnostic ignored "-Wpadded"
     #pragma clang system_header
     struct s { char a; int b; };
     _Pragma("GCC diagnostic pop")`,
  ],
  [
    'assertions that hold',
    `#define SAME(a, b) _Static_assert((a) == (b), "they (are) the same, " "or so")
     struct s { __u32 a; _Static_assert(sizeof(__u32) == 4, "in a struct"); __u32 b; };
     SAME(sizeof(struct s), 8);
     _Static_assert(__builtin_offsetof(struct s, b) == 4);
     static inline int f(int x) { _Static_assert(sizeof(x) == 4, "local"); return x; }`,
  ],
];

describe.skipIf(noClang)(titled('clang agrees', noClang), () => {
  it.each(understood.flatMap(([what, text]) => ['x86', 'arm64', 's390', 'x86-32'].map((arch) => [what, arch, text])))(
    'on %s, for %s',
    async (_, arch, text) => {
      vi.stubEnv('CC', 'clang-19');
      const headers = headerSet(text);
      const report = await verify(buildModel(headers, findTarget(arch)), headers);
      vi.unstubAllEnvs();
      expect(report.compiler).toContain('clang');
      expect(report.mismatches).toEqual([]);
      expect(report.numbers).toBeGreaterThan(0);
    },
  );
});

describe('what changes a meaning and is not understood stops the run', () => {
  it.each([
    ['#pragma scalar_storage_order big-endian', '#pragma scalar_storage_order big - endian is not supported'],
    ['#pragma pack(1)', '#pragma pack ( 1 ) is not supported'],
    ['#pragma pack', '#pragma pack is not supported'],
    ['_Pragma("pack(1)")', '#pragma pack(1) is not supported'],
    ['#pragma push_macro("A")', '#pragma push_macro ( "A" ) is not supported'],
    ['struct s { _Alignas(2) int x; };', 'an _Alignas of 2, less than its type has'],
    ['struct s { _Alignas(3) int x; };', 'an alignment of 3 bytes'],
    ['struct s { _Alignas(8) int x : 3; };', '_Alignas of a bitfield'],
    ['struct s { _Alignas(8) struct { int a; }; };', '_Alignas of a struct or union without a name'],
    ['struct _Alignas(8) s { int a; };', '_Alignas of a struct or union'],
    ['typedef _Alignas(8) int t;', '_Alignas in a typedef'],
    ['struct s { _Atomic int a; };', "'_Atomic' is not supported"],
    ['struct s { [[gnu::aligned(8)]] int a; };', 'the parser cannot read this'],
    ['struct s { int a [[gnu::aligned(8)]]; };', 'the parser cannot read this'],
    ['enum e : char { A };', 'an enum of a chosen type'],
    ['#if __has_attribute(odd)\n#endif', '__has_attribute(odd) is not known'],
    ['#if __has_warning("-Wall")\n#endif', '__has_warning("-Wall") is not known'],
    ['#if __LINE__ > 3\n#endif', "what '__LINE__' is here"],
    ['_Static_assert(sizeof(int) == 8, "wrong, " "so");', 'the static assertion fails: "wrong, " "so"'],
    ['struct s { int a; _Static_assert(0, "x"); };', 'the static assertion fails'],
    ['_Static_assert(unknown, "x");', 'unknown is not defined'],
    ['_Static_assert(1, "x")', '_Static_assert needs (...);'],
  ])('%s', (text, problem) => {
    expect(() => buildModel(headerSet(text), x86)).toThrow(problem);
  });

  it('but a name of the compiler’s that the headers define is theirs', () => {
    const text =
      '#undef __has_attribute\n#define __has_attribute(x) 1\n#if __has_attribute(odd)\n#define YES 1\n#endif';
    expect(buildModel(headerSet(text), x86).constants.map(({ name }) => name)).toContain('YES');
  });

  it('and a file that asks to be read once is', () => {
    const others = { 'linux/once.h': '#pragma once\nstruct once { int a; };' };
    const text = '#include <linux/once.h>\n#include <linux/once.h>\nstruct s { struct once a; };';
    expect(buildModel(headerSet(text, others), x86).records.map(({ name }) => name)).toEqual(['once', 's']);
  });
});
