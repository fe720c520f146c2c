/* What a plugin.lua may say: spec/unit/manifest.lua. */
#include "checks.h"

int main(void) {
    return checks_run("spec/unit/manifest.lua", NULL, 0);
}
