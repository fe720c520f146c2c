/* judge_private: what judge.c and judge_count.c share. */
#ifndef REEVE_JUDGE_PRIVATE_H
#define REEVE_JUDGE_PRIVATE_H

#include "judge.h"

/* A key that is being judged. */
struct judge_group {
    unsigned char key[RECORD_KEY];
    enum record_kind kind;
    uint64_t former; /* seen at the accepted run */
};

/* A record and its part that has the group's key; `part` and `json` may be NULL. */
enum err judge_part(struct judge *j, const struct judge_group *g, uint64_t number, struct record *r,
                    struct record_part *part, struct span *json, struct error *e);

/* The resource type that a part of this kind is about, from its JSON. */
struct span judge_type(enum record_kind kind, struct span json);

/* What a part is counted under: a resource's type, hashed; what else hangs on, as its key. */
void judge_note(const struct judge *j, const struct record_part *part, struct span json,
                unsigned char note[RECORD_KEY]);

/* Counts that the thing is seen otherwise: from record `before` to `after`, 0 for none. */
enum err judge_count(struct judge *j, const struct judge_group *g, enum compare_op op,
                     uint64_t before, uint64_t after, struct error *e);

#endif
