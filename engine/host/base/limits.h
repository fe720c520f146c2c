/* limits: every maximum of the engine that is not an operator's setting, by name.
 * A buffer, list or depth that is not bounded here is bounded by a key of the configuration. */
#ifndef REEVE_LIMITS_H
#define REEVE_LIMITS_H

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
};

#define LIMIT_ID 512                   /* bytes of an id or a slug */
#define LIMIT_STRING (64 * KIB)        /* bytes of any other string of a record */
#define LIMIT_RECORD (1 * MIB)         /* bytes of a record as it is stored */
#define LIMIT_VALUES (256 * 1024)      /* strings, numbers … of a mapping's result */
#define LIMIT_JSON_DEPTH 64            /* levels of arrays and objects in any document */
#define LIMIT_JSON_TEXT (64 * MIB)     /* bytes of a text that json.encode makes, by default */
#define LIMIT_WIRE (4 * MIB)           /* bytes of a protobuf message */
#define LIMIT_WIRE_DEPTH 64            /* levels of messages in a message */
#define LIMIT_WIRE_VALUES (256 * 1024) /* strings, numbers … of a message that is read */
#define LIMIT_CONFIG_FILE (1 * MIB)    /* bytes of reeve.json or a connector file */
#define LIMIT_LUA_FILE (1 * MIB)       /* bytes of a plugin's or an operator's Lua file */
#define LIMIT_SECRET (64 * KIB)        /* bytes of one secret */
#define LIMIT_SECRETS 2048             /* secrets whose values the scrubber looks for at once */
#define LIMIT_SECRETS_LIVING 8192      /* secrets of any kind held at once */
#define LIMIT_LOG_LINE (16 * KIB)      /* bytes of one log line */
#define LIMIT_TREE_DEPTH 32            /* folders within folders that are removed at once */
#define LIMIT_DIR_LIST (4 * MIB)       /* bytes of the names in one folder */
#define LIMIT_ARGUMENTS 256            /* arguments of a child process */
#define LIMIT_URL (16 * KIB)           /* bytes of a URL, and of a redirect's target */
#define LIMIT_HEADERS (256 * KIB)      /* bytes of all header lines of one answer */
#define LIMIT_REDIRECTS 5              /* redirects followed for one request */
#define LIMIT_BODY_BUFFER (256 * KIB)  /* received bytes of one answer that wait for Lua */
#define LIMIT_INFLATE (4 * MIB)        /* bytes that one piece of a compressed answer may become */
#define LIMIT_INFLATE_RATIO 200        /* times its compressed size, once past LIMIT_INFLATE */
#define LIMIT_TOKENS 4096              /* tokens a bucket counts one by one */
#define LIMIT_AUTHORITIES (8 * MIB)    /* bytes of all certificate authorities together */
#define LIMIT_PROVIDERS (64 * 1024)    /* records that give one thing: they are weighed in pairs */
#define LIMIT_GIVEN 1000000             /* objects emitted without a word from the target */
#define LIMIT_CURSOR (64 * KIB)        /* bytes of a cursor, as JSON */
#define LIMIT_REQUEST (64 * MIB)       /* bytes of a request's body that our server accepts */
#define LIMIT_REQUEST_HEAD (64 * KIB)  /* bytes of a request's head that our server accepts */
#define LIMIT_CONNECTIONS 512          /* connections that our server holds at once */
#define LIMIT_IDLE_S 60                /* seconds of silence after which it ends one */

#endif
