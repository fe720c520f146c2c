// A real SCIM 2.0 server for specs: scimmy and its routers, users and groups in memory.
//
//   node server.mjs SEED.json        prints its address; SEED.json: { token, users: [], groups: [], plainQuery }
//
// The seed is what the spec made up, in SCIM's own terms; ids are the spec's too. Removing and changing goes by
// SCIM itself (DELETE, PATCH). express 5 parses a query anew at each look, so that the routers' numbers for
// startIndex and count are lost, and every answer is the first 20; plainQuery leaves it so.
import {readFileSync} from "node:fs";
import {createServer} from "node:http";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const seed = JSON.parse(readFileSync(process.argv[2], "utf8"));
const {Error: Refusal} = SCIMMY.Types;

function keep(Resource, list) {
    const all = new Map(list.map((item) => [item.id, item]));
    const find = (id) => {
        if (!all.has(id)) throw new Refusal(404, null, `Resource ${id} not found`);
        return all.get(id);
    };
    SCIMMY.Resources.declare(Resource, {
        egress: ({id}) => id ? find(id) : [...all.values()],
        ingress: ({id}, data) => {
            const key = id ?? `new-${all.size}`;
            all.set(key, {...JSON.parse(JSON.stringify(data)), id: key, meta: all.get(key)?.meta});
            return all.get(key);
        },
        degress: ({id}) => void (find(id) && all.delete(id)),
    });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
keep(SCIMMY.Resources.User, seed.users);
keep(SCIMMY.Resources.Group, seed.groups);

const app = express();
app.use((request, response, next) => {
    if (!seed.plainQuery) Object.defineProperty(request, "query", {value: request.query});
    next();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${seed.token}`) throw new Error("the token is not known here");
        return "reeve";
    },
}));

const server = createServer(app).listen(0, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
