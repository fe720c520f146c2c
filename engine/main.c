/* main: argv to a command. The only place that ends the process. */
#include <stdlib.h>

#include "api/vm.h"

int main(int argc, char **argv) {
    exit(vm_main(argc, argv));
}
