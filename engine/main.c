/* main: argv to a command. The only place that ends the process. */
#include <stdlib.h>

#include "api/vm.h"
#include "host/secret/secret.h"

int main(int argc, char **argv) {
    secret_no_core();
    exit(vm_main(argc, argv));
}
