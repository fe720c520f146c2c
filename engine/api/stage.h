/* host.stage, bound by stage.c: the fetching half of a run, and its comparison. emit.c is the path
 * that every object takes. */
#ifndef REEVE_API_STAGE_H
#define REEVE_API_STAGE_H

#include <lua.h>

#include "../host/model/model.h"
#include "../host/store/stage.h"

#define STAGE_CLASS "reeve.stage"
#define UNIT_CLASS "reeve.stage_unit"

/* Values kept with a stage userdata: the state, and kind name -> kind userdata. */
enum { STAGE_VALUE_STATE = 1, STAGE_VALUE_KINDS, STAGE_VALUES = STAGE_VALUE_KINDS };

struct api_stage {
    struct stage *g;
    struct state *s;
    struct model *model;
    struct record_draft draft;
    struct value_pool values; /* a mapping's result */
    struct buf text, value;   /* an object's bytes on their way; a record's stored form */
    uint64_t run;
};

/* What a kind of object is mapped by. Values: the plugin's function, the operator's, the name. */
enum { KIND_VALUE_MAP = 1, KIND_VALUE_SCRIPT, KIND_VALUES = KIND_VALUE_SCRIPT };
struct api_kind {
    bool map, script, keep_raw;
    bool raw_ids;    /* its resources were seen to have the raw object's "id" */
    unsigned looked; /* objects that were looked at for that */
    char name[65];
    char map_file[120], script_file[120]; /* as messages name them */
    char makers[252];                     /* both, or the one there is: whose results records are */
};

/* Values kept with a unit userdata: its stage, kind name -> emission userdata, what `at` is made
 * of but for kind and `with`. */
enum { UNIT_VALUE_STAGE = 1, UNIT_VALUE_EMISSIONS, UNIT_VALUES = UNIT_VALUE_EMISSIONS };
struct api_unit {
    struct stage_unit *u;
    struct api_stage *stage;
    struct buf list, parent, at; /* at: "list":…,"parent":…,"settings":… */
    unsigned char epoch[16];     /* what the memory of results depends on beside the bytes */
    uint64_t hits, skipped, aside, faults;
    char nameless[256];          /* why an object without an id was set aside; "": there was none */
    char fault[512];             /* the first fault of a mapping */
};

/* One kind in one unit. Values: the kind, `at` as a raw object. */
enum { EMISSION_VALUE_KIND = 1, EMISSION_VALUE_AT, EMISSION_VALUES = EMISSION_VALUE_AT };
struct api_emission {
    struct api_kind *kind;
    unsigned char key[16];
    char map_label[320], script_label[320]; /* file, list and kind: who runs (vm_watch) */
};

int luaopen_host_stage(lua_State *L);

#endif
