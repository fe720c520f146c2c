"use strict";
// tasks: what the program is to do, client by client.

const crypto = require("crypto");
const {encode, tagged} = require("./wire");
const {Task, TaskKinds} = require("./messages");

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SCHEDULED = 2;

function newId() {
    return "2" + Array.from({length: 26}, () => LETTERS[crypto.randomInt(LETTERS.length)]).join("");
}

// The bytes of a Task: {kind, payload, debug}; kind is a name, or a number that nobody knows; `raw` in place of all
// is hex.
function bytesOf(id, spec) {
    if (spec.raw !== undefined) return Buffer.from(spec.raw, "hex");
    const head = encode(Task, {id, status: SCHEDULED, ...spec.debug && {debug: true}});
    if (spec.kind === undefined) return head;
    if (typeof spec.kind === "number") {
        return Buffer.concat([head, tagged(spec.kind, Buffer.from(spec.payload ?? "", "hex"))]);
    }
    if (!TaskKinds[spec.kind]) throw new Error(`no kind of task ${spec.kind}`);
    const [number, table] = TaskKinds[spec.kind];
    return Buffer.concat([head, tagged(number, encode(table, spec.payload ?? {}))]);
}

class Tasks {
    constructor() {
        this.tasks = new Map();
        this.queue = [];
    }

    // Puts a task in the queue of its client; its id. id in spec: that one, which may be nonsense.
    add(client, spec) {
        const id = spec.id ?? newId();
        this.tasks.set(id, {id, client, bytes: bytesOf(id, spec), given: 0, finished: 0, open: true, cancelled: false});
        this.queue.push(id);
        return id;
    }

    // Gives a task once more.
    again(id) {
        this.find(id);
        this.queue.push(id);
    }

    cancel(id) {
        this.find(id).cancelled = true;
    }

    find(id) {
        const task = this.tasks.get(id);
        if (!task) throw new Error(`no task ${id}`);
        return task;
    }

    // The next task of a client that is waiting, or undefined.
    next(client) {
        const at = this.queue.findIndex((id) => this.tasks.get(id).client === client);
        if (at < 0) return undefined;
        const task = this.tasks.get(this.queue.splice(at, 1)[0]);
        task.given++;
        return task;
    }

    // All that is open or queued, and not known there; at most `limit`.
    batch(client, known, limit) {
        const tasks = [...this.tasks.values()].filter((task) => task.client === client &&
            !known.includes(task.id) && (task.open || this.queue.includes(task.id))).slice(0, limit);
        this.queue = this.queue.filter((id) => !tasks.some((task) => task.id === id));
        for (const task of tasks) task.given++;
        return tasks;
    }

    // The task that a client was given, or undefined.
    given(client, id) {
        const task = this.tasks.get(id);
        return task && task.client === client && task.given > 0 ? task : undefined;
    }
}

module.exports = {Tasks};
