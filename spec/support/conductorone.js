"use strict";
// A ConductorOne that is not ours, for specs: its token endpoint and its gRPC service on one port of TLS, by Node's
// own modules alone.
//
//   node conductorone.js '{"cert": FILE, "key": FILE, "uploads": FOLDER, "host": "acme.example", "http1": false}'
//
// Prints events, a JSON object a line; the first says where it listens, and the credentials of its first client:
//   {"event": "listening", "port", "control", "client": {"id", "secret"}}
//   connection {connection, alpn} · token {client, status} · call {n, method, client, request} · given {task} ·
//   upload {task, path, size, chunks, sha256} · finished {task, times, success, code, message, final} ·
//   answer {n, method, status, message} · fault {what} · gone {what, read} · violation {what}
// A violation is what the program may never do. The fact sheet that specs speak of is what was observed of
// ConductorOne's own connectors, and of a mock that they took for it; what it says of each message is in check.js. With http1 only HTTP/1.1 is spoken, as some proxies do.

const fs = require("fs");
const http2 = require("http2");
const https = require("https");

const {Clients, Refused} = require("./conductorone/token");
const {Tasks} = require("./conductorone/tasks");
const {Faults} = require("./conductorone/faults");
const {Service} = require("./conductorone/service");
const {Control} = require("./conductorone/control");
const {Call} = require("./conductorone/call");

const TOKEN_PATH = "/auth/v1/token";
const WINDOW = 4 * 1024 * 1024;

const options = JSON.parse(process.argv[2]);
const settings = {next_poll: 0.1, next_heartbeat: 30, expires_in: 3600, uploads: options.uploads};
const clients = new Clients(options.host ?? "acme.example");
const tasks = new Tasks();
const faults = new Faults();
const began = Date.now();

function record(event, fields) {
    fs.writeSync(1, JSON.stringify({event, at: (Date.now() - began) / 1000, ...fields}) + "\n");
}

const service = new Service(clients, tasks, settings, record);
let calls = 0, connections = 0;
const sockets = new Map();

async function token(request, response) {
    const fault = faults.take("token");
    const chunks = [];
    if (fault.cut) return request.socket.destroy();
    for await (const chunk of request) chunks.push(chunk);
    if (fault.silent) return record("fault", {what: "silent"});
    if (fault.delay) await new Promise((done) => setTimeout(done, fault.delay * 1000));
    const [status, answer, client] = decide(request, Buffer.concat(chunks).toString("utf8"), fault.token ?? {});
    record("token", {status, client});
    return response.writeHead(status, {"content-type": "application/json"}).end(answer);
}

// Status, body and client of an answer of the token endpoint.
function decide(request, body, fault) {
    try {
        if (request.method !== "POST") throw new Refused(`the method ${request.method}`);
        const type = request.headers["content-type"];
        if (type !== "application/x-www-form-urlencoded") throw new Refused(`the content type ${type}`);
        const client = clients.authenticate(body);
        if (fault.body !== undefined || fault.status) return [fault.status ?? 200, fault.body ?? "", client.id];
        const seconds = fault.expires_in ?? settings.expires_in;
        return [200, JSON.stringify({access_token: fault.access_token ?? clients.give(client, seconds),
            token_type: "bearer", expires_in: seconds}), client.id];
    } catch (problem) {
        if (!(problem instanceof Refused)) throw problem;
        if (problem.wrong) record("violation", {method: "token", what: problem.message});
        return [401, JSON.stringify({error: "invalid_client", error_description: problem.message})];
    }
}

function serve(request, response) {
    if (request.url === TOKEN_PATH) return token(request, response);
    if (request.httpVersionMajor < 2) {
        record("call", {method: request.url.split("/").pop(), http: request.httpVersion});
        return response.writeHead(502, {"content-type": "text/html"}).end("<html>no HTTP/2 here</html>");
    }
    const {stream, headers} = request;
    const fault = faults.take(headers[":path"].split("/").pop());
    const cut = () => sockets.get(stream.session.socket.remotePort)?.destroy();
    stream.on("error", () => {});
    return service.serve(new Call(stream, headers, {number: ++calls, record, cut, fault}));
}

function connected(socket) {
    const port = socket.remotePort;
    sockets.set(port, socket);
    socket.on("close", () => sockets.delete(port));
    socket.on("error", () => {});
    record("connection", {connection: ++connections, alpn: socket.alpnProtocol || "none"});
}

const tls = {cert: fs.readFileSync(options.cert), key: fs.readFileSync(options.key), minVersion: "TLSv1.2"};
const server = options.http1 ? https.createServer({...tls, ALPNProtocols: ["http/1.1"]})
    : http2.createSecureServer({...tls, allowHTTP1: true, settings: {initialWindowSize: WINDOW}});
server.on("request", serve);
server.on("secureConnection", connected);
server.on("session", (session) => {
    session.on("error", () => {});
    session.setLocalWindowSize(WINDOW);
});
server.on("tlsClientError", (problem) => record("handshake", {what: problem.code ?? problem.message}));
const listen = (port) => new Promise((done) => server.listen(port, "127.0.0.1", done));
const listener = {
    hang_up() {
        for (const socket of sockets.values()) socket.destroy();
    },
    away() {
        listener.port = server.address().port;
        server.close();
        listener.hang_up();
    },
    back: () => listen(listener.port),
};
listen(0).then(() => {
    new Control(clients, tasks, faults, settings, listener).listen((control) => record("listening",
        {port: server.address().port, control, client: clients.add("happy-otter-1")}));
});
process.on("SIGTERM", () => process.exit(0));
