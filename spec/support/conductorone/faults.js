"use strict";
// faults: what goes wrong on purpose. A fault waits for calls of its method and is spent after `times` of them:
//
//   {method: "GetTask" | "token" | …, times: 1, skip: 0,  …one of:
//    grpc: {code, message, details: [{type_url, value: "hex"}]}   the error, and no effect; late: true puts it behind
//                                  an empty body, early: true answers before the request was read
//    http: 503, body: "text", type: "text/html"   an answer that is not gRPC
//    cut: "before" | "after"       the connection is closed: before the request is read, or after it had its effect
//    cut_at: N                     … after N bytes of the request's body
//    half: true                    … within the answer
//    rst: N                        the stream is reset with that code, before any effect
//    goaway: N, refuse: true       GOAWAY with that code; the call is answered all the same, but for refuse
//    silent: true                  the request is read, and never answered
//    answer: "hex"                 the body in place of the right one;  message: "hex" the same, framed
//    flags: N, length: N           the right answer with these in its frame's head;  twice: true   it comes twice
//    type: "text/html"             the right answer with a wrong content type;  bare: true   without trailers
//    token: {body, expires_in, access_token, status}   what the token endpoint says
//    delay: seconds                before the answer; alone or with another
//    hold: true                    no answer before {do: "clear"}; alone or with another}

class Faults {
    constructor() {
        this.list = [];
        this.held = [];
    }

    add(fault) {
        this.list.push({times: 1, skip: 0, ...fault});
    }

    // Forgets what is left, and lets go of the calls that are held.
    clear() {
        this.list = [];
        for (const go of this.held.splice(0)) go();
    }

    // The fault for a call that arrives now, which is counted; {} where all goes well.
    take(method) {
        const fault = this.list.find((one) => one.method === method && one.times > 0 && --one.skip < 0);
        if (!fault) return {};
        fault.times--;
        return fault.hold ? {...fault, hold: () => new Promise((go) => this.held.push(go))} : fault;
    }
}

module.exports = {Faults};
