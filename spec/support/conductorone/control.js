"use strict";
// control: a plain HTTP port of its own, by which a spec steers. POST {"do": name, …}, and JSON comes back:
//
//   {do: "client", name}               a further client: {id, secret}
//   {do: "task", client, kind, payload, id, debug, raw}        puts a task in the queue: {id}  (tasks.js)
//   {do: "again", id}  {do: "cancel", id}                      gives it once more; heartbeats say it is cancelled
//   {do: "fault", …}  {do: "clear"}                            faults.js;  all of them are over
//   {do: "set", next_poll, next_heartbeat, expires_in, keep}   numbers of seconds; null leaves the field out
//   {do: "revoke"}                                             no token is good any more
//   {do: "hang_up"}                                            it closes all connections
//   {do: "away"}  {do: "back"}                                 … and listens no more;  it does again

const http = require("http");

class Control {
    // listener: {hang_up(), away(), back()}.
    constructor(clients, tasks, faults, settings, listener) {
        const known = new Set(["next_poll", "next_heartbeat", "expires_in", "keep"]);
        this.actions = {
            client: ({name}) => clients.add(name),
            task: ({client, ...spec}) => ({id: tasks.add(client, spec)}),
            again: ({id}) => tasks.again(id),
            cancel: ({id}) => tasks.cancel(id),
            fault: (fault) => faults.add(fault),
            clear: () => faults.clear(),
            set: (values) => {
                const unknown = Object.keys(values).find((name) => !known.has(name));
                if (unknown) throw new Error(`nothing is named ${unknown}`);
                Object.assign(settings, values);
            },
            revoke: () => clients.revoke(),
            hang_up: () => listener.hang_up(),
            away: () => listener.away(),
            back: () => listener.back(),
        };
    }

    async run({do: name, ...fields}) {
        if (!this.actions[name]) throw new Error(`cannot do ${name}`);
        return await this.actions[name](fields) ?? {};
    }

    listen(ready) {
        const server = http.createServer(async (request, response) => {
            const chunks = [];
            for await (const chunk of request) chunks.push(chunk);
            let status = 200, answer;
            try {
                answer = await this.run(JSON.parse(Buffer.concat(chunks).toString("utf8")));
            } catch (problem) {
                [status, answer] = [400, {problem: problem.message}];
            }
            response.writeHead(status, {"content-type": "application/json"}).end(JSON.stringify(answer));
        });
        server.listen(0, "127.0.0.1", () => ready(server.address().port));
    }
}

module.exports = {Control};
