"use strict";
// service: c1.connectorapi.baton.v1.BatonService: what each method does.

const path = require("path");

const {decode, encode, WireError} = require("./wire");
const {requests, responses, plain} = require("./messages");
const {FrameError} = require("./frames");
const {checks, headers} = require("./check");
const {Problem, Gone} = require("./call");
const {Upload} = require("./upload");

const PREFIX = "/c1.connectorapi.baton.v1.BatonService/";

function duration(seconds) {
    if (seconds === undefined || seconds === null) return undefined;
    const whole = Math.floor(seconds);
    return {seconds: whole, nanos: Math.round((seconds - whole) * 1e9)};
}

class Service {
    // settings: {next_poll, next_heartbeat (seconds, or null: absent), uploads (a folder), keep: false}
    constructor(clients, tasks, settings, record) {
        Object.assign(this, {clients, tasks, settings, record});
        this.uploads = 0;
    }

    async serve(call) {
        try {
            call.arrive();
            this.admit(call);
            if (call.fault.early) await call.instead();
            await (call.method === "UploadAsset" ? this.upload(call) : this.unary(call));
        } catch (problem) {
            await this.end(call, problem);
        }
    }

    // A call ends without its right answer.
    async end(call, problem) {
        if (problem instanceof WireError || problem instanceof FrameError) {
            problem = new Problem("INVALID_ARGUMENT", problem.message);
        }
        if (problem instanceof Problem) {
            if (problem.wrong) call.record("violation", {what: problem.message});
            await call.rest();
            if (!call.stream.destroyed) call.status({code: problem.code, message: problem.message});
        } else if (problem instanceof Gone || call.stream.aborted || call.stream.destroyed) {
            call.record("gone", {what: problem.message, read: call.read});
        } else {
            throw problem;
        }
    }

    // Path, headers and token.
    admit(call) {
        const known = call.headers[":path"] === PREFIX + call.method && requests[call.method];
        if (!known) throw new Problem("UNIMPLEMENTED", `no method ${call.headers[":path"]}`);
        const problem = headers(call.headers);
        if (problem) throw new Problem("INVALID_ARGUMENT", problem);
        const owner = this.clients.owner(call.headers.authorization);
        if (owner.problem) throw new Problem("UNAUTHENTICATED", owner.problem, owner.wrong);
        call.client = owner.client;
    }

    async unary(call) {
        const messages = [];
        for await (const message of call.messages()) messages.push(message);
        if (messages.length !== 1) throw new Problem("INVALID_ARGUMENT", `${messages.length} messages`);
        const request = decode(requests[call.method], messages[0]);
        call.record("call", {client: call.client, agent: call.headers["user-agent"], request: plain(request)});
        const problem = checks[call.method](request);
        if (problem) throw new Problem("INVALID_ARGUMENT", problem);
        await call.instead();
        call.answer(encode(responses[call.method], this[call.method](call, request)));
    }

    // The task of a request; raises where this client was not given it.
    task(call, id) {
        const task = this.tasks.given(call.client, id);
        if (!task) throw new Problem("NOT_FOUND", `no task ${id} was given`);
        return task;
    }

    Hello(call, request) {
        if (request.task_id) this.task(call, request.task_id).open = false;
        return {};
    }

    pace() {
        return {next_poll: duration(this.settings.next_poll),
            next_heartbeat: duration(this.settings.next_heartbeat)};
    }

    GetTask(call) {
        const task = this.tasks.next(call.client);
        if (task) call.record("given", {task: task.id});
        return {task: task?.bytes, ...this.pace()};
    }

    GetTasks(call, request) {
        const tasks = this.tasks.batch(call.client, request.known_task_ids ?? [], request.page_size);
        for (const task of tasks) call.record("given", {task: task.id});
        return {tasks: tasks.map((task) => task.bytes), ...this.pace()};
    }

    Heartbeat(call, request) {
        const cancelled = this.task(call, request.task_id).cancelled;
        const others = (request.task_ids ?? []).filter((id) => this.task(call, id).cancelled);
        return {next_heartbeat: duration(this.settings.next_heartbeat), cancelled: cancelled || undefined,
            cancelled_task_ids: others};
    }

    FinishTask(call, request) {
        const task = this.task(call, request.task_id);
        task.finished++;
        task.open = false;
        call.record("finished", {task: task.id, times: task.finished, given: task.given,
            success: request.success !== undefined, code: request.status?.code ?? 0,
            message: request.status?.message ?? "", final: plain(request)});
        return {};
    }

    async upload(call) {
        const name = this.settings.keep === false ? undefined
            : path.join(this.settings.uploads, `upload-${++this.uploads}`);
        const upload = new Upload(name, (id) => this.task(call, id));
        try {
            await this.receive(call, upload);
        } finally {
            upload.close();
        }
        await call.instead();
        call.record("upload", {task: upload.metadata.task_id, path: name, size: upload.size, chunks: upload.chunks,
            sha256: upload.sha256});
        call.answer(encode(responses.UploadAsset, {}));
    }

    async receive(call, upload) {
        for await (const bytes of call.messages()) {
            const message = decode(requests.UploadAsset, bytes);
            upload.take(message);
            if (message.metadata) {
                call.record("call", {client: call.client, agent: call.headers["user-agent"],
                    request: plain(message.metadata)});
            }
        }
        upload.end();
    }
}

module.exports = {Service};
