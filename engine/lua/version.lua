-- version: this program's version, said once; the Makefile reads it from here.
return "0.1.0"
