/* SPDX-License-Identifier: Apache-2.0 */

/* Where the kernel enters the program. Arguments and environment are of no interest: all a supervisor is told comes
 * over its socket. */

#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "        xorl %ebp, %ebp\n"
        "        andq $-16, %rsp\n"
        "        call rce_cell_main\n"
        "        ud2\n"
        ".size _start, . - _start\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "        mov x29, #0\n"
        "        mov x30, #0\n"
        "        bl rce_cell_main\n"
        "        brk #0\n"
        ".size _start, . - _start\n"
        ".popsection\n");
#endif
