import { describe, expect, it, vi } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { titled, without, x86 } from '../../test/host.js';
import { findTarget } from '../targets/index.js';
import { verify } from '../verify/verify.js';
import { buildModel } from './build.js';

const noClang = without('clang-19');

const accepted: [string, string][] = [
  [
    'pointers to undeclared types',
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
    'what the compiler says about itself',
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
    'parentheses around a declared name',
    `struct s { __u32 (c); __u8 *(p), ((q)); struct w { int z; } (w)[2]; int (b):3; int (*(f))(int);
     struct u *(u); const char (d); };
     typedef __u32 (t1); typedef int (t2)[3]; typedef t1 (t3);
     struct t { t1 a; t2 b; t3 (c), (d); unsigned long (e); int g[(sizeof(t1))]; } __attribute__((packed));
     struct v { t1 (x) __attribute__((aligned(8))); t3 y; __u8 (z), (last) __attribute__((aligned(16))); };
     extern __u32 (f)(int x); extern __u32 (*g)(void); int (h)(void);
     static inline int (k)(int x) { return (x); }`,
  ],
  [
    'enums that are named before they are defined',
    `enum x; enum x; typedef enum x t;
     struct s { enum x *p; enum y *q; t *r; };
     enum x { A = 1ULL << 40 };
     struct u { enum x a; t b; t c:3; };
     #define SIZE sizeof(enum x)
     #define NONE sizeof(enum y)
     #define CAST ((enum y)1)
     enum y { B };`,
  ],
  [
    'names that are keywords elsewhere',
    `enum { constexpr = 3, alignas, FALSE, TRUE };
     typedef int noreturn;
     typedef __u8 bool;
     struct alignas { noreturn a; bool b; };
     struct s { int noreturn, constexpr, alignas; int nullptr:3; int thread_local; int alignof[2]; int bool;
     struct alignas true;
       int offsetof, __try, __unaligned, __based; bool c __attribute__((aligned(8))); } __attribute__((packed));
     int f(int alignas) __attribute__((noreturn));
     #define SUM (constexpr + sizeof(noreturn) + (bool)-1 + sizeof(struct alignas))
     #define OFFSET __builtin_offsetof(struct s, thread_local)
     #define INC(constexpr) ((constexpr) + 1)
     #define NEGATIVE ((noreturn)(-1))`,
  ],
  [
    'a dollar in a name',
    `#define A$B 3
     #define $C (A$B + 1)
     #define F$(x$) ((x$) + $C)
     enum e$ { D$ = 4 };
     struct s$ { int a$; enum e$ $b:5; struct { char $; } $c; };
     #define GET$ _IOR(0xAE, 1, struct s$)`,
  ],
  [
    'declarations inside a function',
    `struct s { int b; };
     static inline int f(void) { struct inner { char a; int b; } __attribute__((packed)) x = { '{', 1 }; return x.b; }
     typedef int t;
     struct s2 { char c; t a; };
     static inline int g(int x) __attribute__((pure));
     static inline int g(int x) { enum { Q }; typedef struct { int z; } t; union u { t a; } y; return x + Q; }
     struct __attribute__((packed)) p { char c; int d; };
     static inline struct s h(struct s *x) { if (x) { struct deep { int a; } z = { 1 }; x->b = z.a; } return *x; }`,
  ],
  [
    'overflow in enumeration values',
    `enum { A1 = 0x7fffffff, A2, A3 }; enum { B1 = 0xffffffff, B2, B3 = B2 + 1 };
     enum { C1 = 0x7fffffffffffffffLL, C2 };
     enum d1 { D1 = 0xffffffffffffffffULL, D2, D3 }; struct d { enum d1 a; };
     enum { E1 = -1, E2 = 0xffffffffffffffffULL }; enum { F1 = 0x7fffffff, F2, F3 = -1 };
     enum { G1 = -1, G2 = 0x7fffffffffffffffLL, G3 }; enum { H1 = 0x8000000000000000ULL, H2 = -1 };
     enum i1 { I1 = -1, I2 = 0xffffffff }; struct i { enum i1 a; int b; };
     enum { J1 = (unsigned char)255, J2, J3 = (char)127, J4 };
     enum { K1 = 0xffffffffUL, K2 = K1 + 1, K3 = K1 + 1ULL, K4 = sizeof(K1) }; enum { L1 = 1 << 31, L2 };`,
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
  it.each(accepted.flatMap(([what, text]) => ['x86', 'arm64', 's390', 'x86-32'].map((arch) => [what, arch, text])))(
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

describe('an unknown construct that changes the meaning stops the run', () => {
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
    ['enum e : char;', 'an enum of a chosen type'],
    ['struct s { char a; int b; } __packed;', "'__packed' is a macro that the headers do not define"],
    ['struct s { char a; struct { int b; } __packed; };', "'__packed' is a macro"],
    ['struct __packed s { char a; };', "'__packed' is a macro"],
    ['typedef struct { char a; } __packed t;', "'__packed' is a macro"],
    ['struct s { int a __packed; };', "'__packed' is a macro"],
    ['struct s { int a; } __packed __aligned(8);', "'__packed' is a macro"],
    ['struct s { int a; } __aligned(8);', "'__aligned' is a macro"],
    ['struct s { int a; } ____cacheline_aligned;', "'____cacheline_aligned' is a macro"],
    ['enum e { A } __packed;', "'__packed' is a macro"],
    ['struct s { void __user *a; };', "'__user' is a macro"],
    ['struct s { int a; } PACKED;', "'PACKED' behind a definition declares a variable"],
    ['union u { int a; } PACKED, b;', "'PACKED' behind a definition declares a variable"],
    ['struct s { enum e a; };', 'enum e is incomplete'],
    ['enum e; struct s { enum e a:3; };', '3 bits do not fit'],
    ['enum e; struct e { int a; };', "'e' is defined as something else"],
    ['struct e { int a; }; enum e;', "'e' is defined as something else"],
    ['enum e { A }; enum e { B };', "'e' is defined twice"],
    ['struct s { __u8 HINT(a); };', 'this member is parsed as a function'],
    ['#if __has_attribute(odd)\n#endif', '__has_attribute(odd) is not known'],
    ['#if __has_warning("-Wall")\n#endif', '__has_warning("-Wall") is not known'],
    ['#if __LINE__ > 3\n#endif', "the value of '__LINE__' is not known here"],
    ['_Static_assert(sizeof(int) == 8, "wrong, " "so");', 'the static assertion fails: "wrong, " "so"'],
    ['struct s { int a; _Static_assert(0, "x"); };', 'the static assertion fails'],
    ['_Static_assert(unknown, "x");', 'unknown is not defined'],
    ['_Static_assert(1, "x")', '_Static_assert needs (...);'],
  ])('%s', (text, problem) => {
    expect(() => buildModel(headerSet(text), x86)).toThrow(problem);
  });

  it('but headers may define a name of the compiler', () => {
    const text =
      '#undef __has_attribute\n#define __has_attribute(x) 1\n#if __has_attribute(odd)\n#define YES 1\n#endif';
    expect(buildModel(headerSet(text), x86).constants.map(({ name }) => name)).toContain('YES');
  });

  it('and a file that asks to be read once is read once', () => {
    const others = { 'linux/once.h': '#pragma once\nstruct once { int a; };' };
    const text = '#include <linux/once.h>\n#include <linux/once.h>\nstruct s { struct once a; };';
    expect(buildModel(headerSet(text, others), x86).records.map(({ name }) => name)).toEqual(['once', 's']);
  });
});
