"use strict";
// wire: protobuf's encoding, by tables (messages.js). Written from the fact sheet alone, so that what the program
// encodes is read by somebody else. It is stricter than protobuf asks: a field that is not in the table, a singular
// field that comes twice and two members of a oneof are errors here, for a sound program sends none of them.
//
//   message("Name", {field: [number, type, "*"]}, [["a", "b"]])    a table; "*" repeated, "map" string keys, the last
//                                                                  argument lists oneofs
//   decode(table, bytes) -> object       encode(table, object) -> Buffer
//
// A type is "string", "bytes" (Buffer), "bool", "int32", "int64", "uint32", "enum", "double", a table, or a function
// that gives one. An absent field is absent from the object.

const VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5;
const MAX_DEPTH = 32;
const utf8 = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true});

class WireError extends Error {}

function message(name, fields, oneofs = []) {
    const byNumber = new Map();
    for (const [field, [number, type, how]] of Object.entries(fields)) {
        byNumber.set(number, {field, number, type, how});
    }
    return {name, byNumber, oneofs};
}

const typeOf = (field) => typeof field.type === "function" ? field.type() : field.type;
const entryOf = (field) => message("entry", {key: [1, "string"], value: [2, typeOf(field)]});

class Reader {
    constructor(bytes, name) {
        this.bytes = bytes;
        this.name = name;
        this.at = 0;
    }

    fail(text) {
        throw new WireError(`${this.name}: ${text} (byte ${this.at})`);
    }

    get more() {
        return this.at < this.bytes.length;
    }

    varint() {
        let value = 0n;
        for (let shift = 0n; shift < 70n; shift += 7n) {
            if (!this.more) this.fail("it ends within a number");
            const byte = this.bytes[this.at++];
            value |= BigInt(byte & 0x7f) << shift;
            if (byte < 0x80) {
                if (value >= 1n << 64n) this.fail("a number of more than 64 bits");
                return value;
            }
        }
        return this.fail("a number of more than 10 bytes");
    }

    take(length) {
        if (length > this.bytes.length - this.at) this.fail("it ends within a field");
        this.at += length;
        return this.bytes.subarray(this.at - length, this.at);
    }

    // The bytes of a field by its wire type: a BigInt or a Buffer.
    raw(wire) {
        switch (wire) {
        case VARINT: return this.varint();
        case FIXED64: return this.take(8);
        case LENGTH: return this.take(Number(this.varint()));
        case FIXED32: return this.take(4);
        default: return this.fail(`wire type ${wire}`);
        }
    }
}

function plainNumber(value) {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

const scalars = {
    bool: {wire: VARINT, read: (value) => value !== 0n, write: (value) => BigInt(value)},
    int32: {wire: VARINT, read: (value) => Number(BigInt.asIntN(32, value)), write: (value) => BigInt(value)},
    uint32: {wire: VARINT, read: (value) => Number(BigInt.asUintN(32, value)), write: (value) => BigInt(value)},
    enum: {wire: VARINT, read: (value) => Number(BigInt.asIntN(32, value)), write: (value) => BigInt(value)},
    int64: {wire: VARINT, read: (value) => plainNumber(BigInt.asIntN(64, value)), write: (value) => BigInt(value)},
    double: {wire: FIXED64, read: (value) => value.readDoubleLE(0), write: (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(value);
        return bytes;
    }},
    string: {wire: LENGTH, read: (value, reader) => {
        try {
            return utf8.decode(value);
        } catch {
            return reader.fail("text that is not UTF-8");
        }
    }, write: (value) => Buffer.from(value, "utf8")},
    bytes: {wire: LENGTH, read: (value) => value, write: (value) => Buffer.from(value, "hex")},
};

// One value of a field, from its raw bytes.
function valueOf(type, raw, reader, depth) {
    return typeof type === "string" ? scalars[type].read(raw, reader) : decode(type, raw, depth + 1);
}

function packed(type, bytes, reader) {
    const inner = new Reader(bytes, reader.name);
    const list = [];
    while (inner.more) list.push(scalars[type].read(inner.varint(), inner));
    return list;
}

function store(object, field, wire, raw, reader, depth) {
    const type = typeOf(field);
    const expected = typeof type === "string" ? scalars[type].wire : LENGTH;
    if (field.how === "*") {
        object[field.field] ??= [];
        if (expected === VARINT && wire === LENGTH) {
            object[field.field].push(...packed(type, raw, reader));
            return;
        }
    }
    if (wire !== expected) reader.fail(`${field.field} has wire type ${wire}`);
    if (field.how === "map") {
        const entry = decode(entryOf(field), raw, depth + 1);
        object[field.field] ??= {};
        object[field.field][entry.key ?? ""] = entry.value;
    } else if (field.how === "*") {
        object[field.field].push(valueOf(type, raw, reader, depth));
    } else {
        if (field.field in object) reader.fail(`${field.field} is there twice`);
        object[field.field] = valueOf(type, raw, reader, depth);
    }
}

function decode(table, bytes, depth = 0) {
    const reader = new Reader(bytes, table.name);
    const object = {};
    if (depth > MAX_DEPTH) reader.fail("messages within messages without end");
    while (reader.more) {
        const tag = reader.varint();
        const number = Number(tag >> 3n), wire = Number(tag & 7n);
        const field = table.byNumber.get(number);
        if (!field) reader.fail(`it has a field ${number}, which is not known`);
        store(object, field, wire, reader.raw(wire), reader, depth);
    }
    for (const oneof of table.oneofs) {
        const there = oneof.filter((name) => name in object);
        if (there.length > 1) reader.fail(`it has ${there.join(" and ")}, of which one may be there`);
    }
    return object;
}

function varint(value) {
    const bytes = [];
    for (value = BigInt.asUintN(64, value); value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    bytes.push(Number(value));
    return Buffer.from(bytes);
}

// A field with its tag, of bytes made already.
function tagged(number, bytes) {
    return Buffer.concat([varint(BigInt(number) << 3n | BigInt(LENGTH)), varint(BigInt(bytes.length)), bytes]);
}

function single(number, type, value) {
    if (typeof type !== "string") return tagged(number, encode(type, value));
    const {wire, write} = scalars[type];
    if (wire === LENGTH) return tagged(number, write(value));
    const bytes = write(value);
    return Buffer.concat([varint(BigInt(number) << 3n | BigInt(wire)), wire === VARINT ? varint(bytes) : bytes]);
}

function written(field, value) {
    const type = typeOf(field);
    if (field.how === "map") {
        return Object.entries(value).map(([key, item]) => single(field.number, entryOf(field), {key, value: item}));
    }
    if (field.how !== "*") return [single(field.number, type, value)];
    if (value.length && typeof type === "string" && scalars[type].wire === VARINT) {
        return [tagged(field.number, Buffer.concat(value.map((item) => varint(scalars[type].write(item)))))];
    }
    return value.map((item) => single(field.number, type, item));
}

// A scalar that is zero is not written, but for one of a oneof, where its being there says something.
function absent(table, field, value) {
    if (value === undefined || value === null) return true;
    return [0, "", false].includes(value) && !table.oneofs.some((oneof) => oneof.includes(field.field));
}

function encode(table, object) {
    const parts = [];
    for (const field of table.byNumber.values()) {
        const value = object[field.field];
        if (!absent(table, field, value)) parts.push(...written(field, value));
    }
    const unknown = Object.keys(object).find((name) => ![...table.byNumber.values()].some((f) => f.field === name));
    if (unknown) throw new WireError(`${table.name} has no field ${unknown}`);
    return Buffer.concat(parts);
}

module.exports = {message, decode, encode, tagged, WireError};
