/** Compiles what lies between BEGIN and END for an instruction set the rest does not assume. */
#ifndef JUP_TENSOR_TARGET_H
#define JUP_TENSOR_TARGET_H

#define JUP_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define JUP_TARGET_BEGIN(isa)                                                                      \
    JUP_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define JUP_TARGET_END _Pragma("clang attribute pop")
#else
#define JUP_TARGET_BEGIN(isa) _Pragma("GCC push_options") JUP_PRAGMA(GCC target(isa))
#define JUP_TARGET_END _Pragma("GCC pop_options")
#endif

#endif
