"use strict";
// A gRPC server that answers as each call wants it, for specs of the client's wire: what no real service would send.
//
//   node grpc.js CERT KEY LOG [http1]    prints "listening PORT", and writes what comes to LOG, a request a line, when
//                                        it is whole; http1: speaks only HTTP/1.1
//
// The host_id of a request says how to answer it, in JSON:
//   {"http": 200, "headers": {…}, "body": "hex", "repeat": times, "trailers": {…}, "fault": NAME}
// Without it: an empty message, and status 0. Faults: silent (no answer), reset (RST_STREAM), cut (the connection ends),
// goaway (and cut), half (headers and body, then cut), late (after 1 s), bye (ends the connection in peace, after the
// answer, and says "closed" in LOG), leaving (says GOAWAY before it answers), slow (reads a little each 100 ms), trickle
// (a byte each 100 ms). These do not read on: early
// (answers, and ends the stream), deaf (does nothing), shut (cut), away (goaway).

const crypto = require("crypto");
const fs = require("fs");
const http2 = require("http2");
const https = require("https");

const [cert, key, log, http1] = process.argv.slice(2);
const OK = {"grpc-status": "0"};
const EMPTY = "0000000000";
const EARLY = ["early", "deaf", "shut", "away"]; // these do not wait for the request's end

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
    if (want.fault === "silent" || want.fault === "deaf") return;
    if (want.fault === "reset") return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    if (want.fault === "cut" || want.fault === "shut") return session.destroy();
    if (want.fault === "goaway" || want.fault === "away") return session.goaway(0, 0), session.destroy();
    if (want.fault === "leaving") session.goaway(0, 2 ** 31 - 1);
    const headers = {":status": want.http ?? 200, "content-type": "application/grpc", ...want.headers};
    const body = Buffer.from(want.body ?? EMPTY, "hex");
    if (want.trailers === null) return stream.respond(headers, {endStream: true});
    if (want.fault === "bye") {
        stream.on("close", () => session.close());
        session.socket.on("finish", () => fs.appendFileSync(log, '{"closed": true}\n'));
    }
    stream.respond(headers, {waitForTrailers: true});
    stream.on("wantTrailers", () => {
        stream.sendTrailers(want.trailers ?? OK);
        if (want.fault === "early") setImmediate(() => stream.close(http2.constants.NGHTTP2_NO_ERROR));
    });
    if (want.fault === "trickle") return void setInterval(() => stream.writable && stream.write("\0"), 100);
    for (let i = 0; i < (want.repeat ?? 1); i++) stream.write(body);
    if (want.fault === "half") return setTimeout(() => session.destroy(), 50);
    stream.end();
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

function serve(stream, headers) {
    const sum = crypto.createHash("sha256"), chunks = [];
    let bytes = 0, want = null;
    stream.on("error", () => {});
    stream.on("data", (chunk) => {
        bytes += chunk.length;
        sum.update(chunk);
        if (bytes < 100000) chunks.push(chunk);
        if (!want && EARLY.includes((want = wish(chunk)).fault)) return stream.pause(), answer(stream, want);
        if (want.fault === "slow") stream.pause(), setTimeout(() => stream.resume(), 100);
    });
    stream.on("end", () => {
        if (stream.aborted) return;
        note(stream, headers, chunks, sum, bytes);
        if (!EARLY.includes(want?.fault)) setTimeout(answer, want?.fault === "late" ? 1000 : 0, stream, want ?? {});
    });
}

const options = {cert: fs.readFileSync(cert), key: fs.readFileSync(key), maxSendHeaderBlockLength: 1 << 20};
const server = http1 ? https.createServer(options, (_, response) => response.end("hello"))
    : http2.createSecureServer(options);
server.on("stream", serve);
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log("listening " + server.address().port));
