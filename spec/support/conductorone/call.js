"use strict";
// call: one gRPC call: its messages in, its answer out, each with what a fault makes of it.

const {encode} = require("./wire");
const {Status} = require("./messages");
const {Frames, frame} = require("./frames");

const CODES = {INVALID_ARGUMENT: 3, NOT_FOUND: 5, FAILED_PRECONDITION: 9, UNIMPLEMENTED: 12, UNAUTHENTICATED: 16};
const REFUSED_STREAM = 7;

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const percent = (text) => Array.from(Buffer.from(text, "utf8"), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte)
        : "%" + byte.toString(16).toUpperCase().padStart(2, "0")).join("");

// The end of a call that is answered with an error.
class Problem extends Error {
    // wrong: the program broke the contract, and a violation is recorded.
    constructor(code, text, wrong = true) {
        super(text);
        this.code = CODES[code] ?? code;
        this.wrong = wrong;
    }
}

// The connection was closed on purpose, or the program has left: nothing to answer any more.
class Gone extends Error {}

class Call {
    // number: of the call; record(event, fields); cut(): closes the connection.
    constructor(stream, headers, {number, record, cut, fault}) {
        Object.assign(this, {stream, headers, number, cut, fault});
        this.method = headers[":path"].split("/").pop();
        this.record = (event, fields) => record(event, {n: number, method: this.method, ...fields});
        this.read = 0;
    }

    // What a fault does before anything is read; raises Gone where that was all.
    arrive() {
        const {fault, stream} = this;
        if (fault.cut === "before") this.gone("cut", this.cut);
        if (fault.rst !== undefined) this.gone("rst", () => stream.close(fault.rst));
        if (fault.goaway !== undefined) {
            stream.session.goaway(fault.goaway, Math.max(stream.id - (fault.refuse ? 2 : 0), 0));
            if (fault.refuse) this.gone("goaway", () => stream.close(REFUSED_STREAM));
            this.record("fault", {what: "goaway"});
        }
    }

    gone(what, act) {
        this.record("fault", {what});
        act();
        throw new Gone(what);
    }

    // The messages of the request, one by one as they come.
    async* messages() {
        const frames = new Frames();
        for await (const chunk of this.stream.iterator({destroyOnReturn: false})) {
            this.read += chunk.length;
            if (this.read >= this.fault.cut_at) this.gone("cut", this.cut);
            yield* frames.push(chunk);
        }
        if (this.stream.aborted) throw new Gone("the program left");
        frames.end();
    }

    // Raises what a fault wants in place of any effect.
    async instead() {
        const {fault} = this;
        if (fault.silent) this.gone("silent", () => {});
        if (fault.delay) await sleep(fault.delay);
        if (fault.hold) await fault.hold();
        if (this.stream.destroyed) throw new Gone("the program left");
        if (fault.http) this.gone("http", () => this.plain(fault.http, fault.type ?? "text/html", fault.body ?? ""));
        if (fault.grpc) {
            this.status(fault.grpc);
            throw new Gone("refused");
        }
    }

    // Reads what is left of the request: a client that still sends may lose an answer that comes before.
    rest() {
        const {stream} = this;
        if (stream.readableEnded || stream.destroyed) return undefined;
        return new Promise((done) => stream.once("end", done).once("close", done).resume());
    }

    plain(status, type, body) {
        this.stream.respond({":status": status, "content-type": type});
        this.stream.end(body);
    }

    // Ends the call with a status other than 0.
    status({code, message = "", details}) {
        const trailers = {"grpc-status": String(code), "grpc-message": percent(message)};
        if (details) {
            const status = encode(Status, {code, message, details});
            trailers["grpc-status-details-bin"] = status.toString("base64").replace(/=+$/, "");
        }
        this.record("answer", {status: code, message});
        if (this.fault.late) return this.respond(Buffer.alloc(0), trailers);
        this.stream.respond({":status": 200, "content-type": "application/grpc", ...trailers}, {endStream: true});
        return this.stream.readableEnded || this.stream.close(0);
    }

    // Answers with a message, or what the fault makes of it.
    answer(message) {
        const {fault} = this;
        if (fault.cut === "after") this.gone("cut", this.cut);
        if (fault.message !== undefined) message = Buffer.from(fault.message, "hex");
        let body = frame(message, fault.flags);
        if (fault.length !== undefined) body.writeUInt32BE(fault.length, 1);
        if (fault.twice) body = Buffer.concat([body, body]);
        if (fault.answer !== undefined) body = Buffer.from(fault.answer, "hex");
        if (fault.half) this.gone("half", () => this.half(body));
        this.record("answer", {status: 0});
        this.respond(body, fault.bare ? undefined : {"grpc-status": fault.status ?? "0"});
    }

    respond(body, trailers) {
        this.stream.respond({":status": 200, "content-type": this.fault.type ?? "application/grpc"},
            {waitForTrailers: trailers !== undefined});
        this.stream.removeAllListeners("wantTrailers"); // Node's own, which sends none
        this.stream.on("wantTrailers", () => this.stream.sendTrailers(trailers));
        this.stream.end(body);
    }

    half(body) {
        this.stream.respond({":status": 200, "content-type": "application/grpc"});
        this.stream.write(body.subarray(0, body.length - 1), () => setImmediate(this.cut));
    }
}

module.exports = {Call, Problem, Gone};
