/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-openapi.h"

/* The file as it is. The build defines where it lies. */
__asm__(".section .rodata\n"
        ".global api_openapi_start, api_openapi_end\n"
        "api_openapi_start: .incbin \"" API_OPENAPI_PATH "\"\n"
        "api_openapi_end: .byte 0\n"
        ".previous\n");
