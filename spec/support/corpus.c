/* corpus: main() of a fuzz target that runs as an ordinary test, over the corpus that is kept for
 * it in spec/fixtures/fuzz/NAME, NAME being what follows "fuzz_" in the program's own name. Each
 * file is a test: it is given whole, then cut at every 16th of its length. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, PARTS = 16 };

static uint8_t bytes[FILE_MAX];

/* In memory of exactly its size, so that a sanitizer sees the first byte read behind it. */
static void give(size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) exit(1);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run(const char *dir, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t part = 0; part <= PARTS; part++) give(size * part / PARTS);
    return 1;
}

int main(int argc, char **argv) {
    (void)argc;
    const char *name = strstr(argv[0], "fuzz_");
    char dir[256];
    snprintf(dir, sizeof dir, "spec/fixtures/fuzz/%s", name ? name + 5 : "");
    DIR *d = opendir(dir);
    int n = 0, failed = 0;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        if (entry->d_name[0] == '.') continue;
        int ok = run(dir, entry->d_name);
        failed += !ok;
        printf("%sok %d - %s\n", ok ? "" : "not ", ++n, entry->d_name);
        fflush(stdout);
    }
    if (d) closedir(d);
    if (!n) printf("not ok %d - no corpus in %s\n", ++n, dir);
    printf("1..%d\n", n);
    return failed || !d;
}
