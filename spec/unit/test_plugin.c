/* Loading plugins and scripts: spec/unit/plugin.lua. */
#include "checks.h"

int main(void) {
    return checks_run("spec/unit/plugin.lua", NULL, 0);
}
