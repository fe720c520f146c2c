/* The same tests of the scanner's plain C, which other processors than x86 run. */
#undef __SSE2__
#include "../../engine/host/json/json_scan.c"
#include "test_splitter.c"
