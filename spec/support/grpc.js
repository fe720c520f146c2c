"use strict";
// A gRPC server that answers as each call wants it, for specs of the client's wire: what no real service would send.
//
//   node grpc.js CERT KEY LOG [http1]    prints "listening PORT", and writes what comes to LOG, a request a line, when
//                                        it is whole; http1: speaks only HTTP/1.1
//
// The host_id of a request says how to answer it, in JSON:
//   {"http": 200, "headers": {…}, "body": "hex", "repeat": times, "trailers": {…}, "fault": NAME}
// Without it: an empty message, and status 0. fault: silent (no answer), reset (RST_STREAM), cut (the connection ends),
// goaway, half (headers and body, then the connection ends), early (answers without reading on), late (after 1 s),
// slow (reads 64 KiB each 100 ms).

const crypto = require("crypto");
const fs = require("fs");
const http2 = require("http2");
const https = require("https");

const [cert, key, log, http1] = process.argv.slice(2);
const OK = {"grpc-status": "0"};
const EMPTY = "0000000000";

// The JSON object in the first frame of a request.
function wish(bytes) {
    const text = bytes.subarray(0, 5 + bytes.readUInt32BE(1)).toString("latin1");
    const from = text.indexOf("{"), to = text.lastIndexOf("}");
    return from < 0 ? {} : JSON.parse(text.slice(from, to + 1));
}

// The messages of a body that is frames back to back.
function frames(bytes) {
    const list = [];
    for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
        list.push({flag: bytes[at], message: bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1))});
    }
    return list;
}

function answer(stream, want) {
    const session = stream.session;
    if (want.fault === "silent") return;
    if (want.fault === "reset") return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    if (want.fault === "cut") return session.destroy();
    if (want.fault === "goaway") return session.goaway(0, 0), session.destroy();
    const headers = {":status": want.http ?? 200, "content-type": "application/grpc", ...want.headers};
    const body = Buffer.from(want.body ?? EMPTY, "hex");
    if (want.trailers === null) return stream.respond(headers, {endStream: true});
    stream.respond(headers, {waitForTrailers: true});
    stream.on("wantTrailers", () => stream.sendTrailers(want.trailers ?? OK));
    for (let i = 0; i < (want.repeat ?? 1); i++) stream.write(body);
    if (want.fault === "half") return setTimeout(() => session.destroy(), 50);
    stream.end();
    if (want.fault === "early") stream.close(http2.constants.NGHTTP2_NO_ERROR);
}

// What came, told when it is whole; of what is long only its sum.
function note(stream, headers, chunks, sum, bytes) {
    const told = {};
    for (const name in headers) if (!name.startsWith("date")) told[name] = headers[name];
    const list = bytes < 100000 ? frames(Buffer.concat(chunks)) : [];
    const socket = stream.session?.socket?.remotePort;
    fs.appendFileSync(log, JSON.stringify({headers: told, socket, bytes, sha256: sum.digest("hex"),
        frames: list.map((f) => ({flag: f.flag, hex: f.message.toString("hex")}))}) + "\n");
}

async function serve(stream, headers) {
    const sum = crypto.createHash("sha256"), chunks = [];
    let bytes = 0, want = null;
    stream.on("error", () => {});
    try {
        for await (const chunk of stream) {
            bytes += chunk.length;
            sum.update(chunk);
            if (bytes < 100000) chunks.push(chunk);
            want ??= wish(chunk);
            if (want.fault === "early") return answer(stream, want);
            if (want.fault === "slow") await new Promise((done) => setTimeout(done, 100));
        }
    } catch { return; }
    note(stream, headers, chunks, sum, bytes);
    if (want?.fault === "late") await new Promise((done) => setTimeout(done, 1000));
    if (!stream.destroyed) answer(stream, want ?? {});
}

const options = {cert: fs.readFileSync(cert), key: fs.readFileSync(key), maxSendHeaderBlockLength: 1 << 20};
const server = http1 ? https.createServer(options, (_, response) => response.end("hello"))
    : http2.createSecureServer(options);
server.on("stream", serve);
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log("listening " + server.address().port));
