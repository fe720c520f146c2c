"use strict";
// token: clients with their keys, the assertions that they sign, the tokens that they get.

const crypto = require("crypto");

const FIELDS = ["client_id", "grant_type", "client_assertion_type", "client_assertion"];
const BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CLOCKS_APART = 60;

// Why an assertion is refused. `wrong`: the form is against the contract, not just an unknown client.
class Refused extends Error {
    constructor(text, wrong = true) {
        super(text);
        this.wrong = wrong;
    }
}

function demand(condition, text) {
    if (!condition) throw new Refused(text);
}

function decoded(part, name) {
    const bytes = Buffer.from(part, "base64url");
    demand(bytes.toString("base64url") === part, `the assertion's ${name} is not base64url without padding`);
    return bytes;
}

function object(part, name) {
    try {
        return JSON.parse(decoded(part, name).toString("utf8"));
    } catch (problem) {
        throw problem instanceof Refused ? problem : new Refused(`the assertion's ${name} is not JSON`);
    }
}

class Clients {
    // host: what stands in client ids.
    constructor(host) {
        this.host = host;
        this.clients = new Map();
        this.nonces = new Set();
        this.tokens = new Map();
    }

    // A client with a key of its own: {id, secret}. secret is the text that an administrator is shown once.
    add(name) {
        const id = `${name}@${this.host}/bct`;
        const {publicKey, privateKey} = crypto.generateKeyPairSync("ed25519");
        this.clients.set(id, {id, publicKey});
        const {crv, d, x} = privateKey.export({format: "jwk"});
        const jwk = JSON.stringify({kty: "OKP", crv, x, d});
        return {id, secret: `secret-token:conductorone.com:v1:${Buffer.from(jwk).toString("base64url")}`};
    }

    // The client that a form of the token endpoint comes from; raises Refused.
    authenticate(body) {
        const form = new URLSearchParams(body);
        demand([...form.keys()].sort().join() === [...FIELDS].sort().join(),
            `the form has the fields ${[...form.keys()].join(", ")}`);
        demand(form.get("grant_type") === "client_credentials", "grant_type is not client_credentials");
        demand(form.get("client_assertion_type") === BEARER, "client_assertion_type is not jwt-bearer");
        const client = this.clients.get(form.get("client_id"));
        if (!client) throw new Refused(`no client ${form.get("client_id")}`, false);
        this.verify(client, form.get("client_assertion"));
        return client;
    }

    verify(client, assertion) {
        const parts = assertion.split(".");
        demand(parts.length === 3, "the assertion has not three parts");
        const signature = decoded(parts[2], "signature");
        this.checkHeader(object(parts[0], "header"));
        this.checkClaims(client, object(parts[1], "claims"));
        const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
        if (!crypto.verify(null, signed, client.publicKey, signature)) {
            throw new Refused("the assertion's signature is not of the client's key", false);
        }
    }

    checkHeader(header) {
        demand(Object.keys(header).sort().join() === "alg,nonce", "the assertion's header is not alg and nonce");
        demand(header.alg === "EdDSA", `the assertion's alg is ${header.alg}`);
        demand(/^[0-9a-f]{32}$/.test(header.nonce), "the assertion's nonce is not 32 hex digits");
        demand(!this.nonces.has(header.nonce), "the assertion's nonce was used before");
        this.nonces.add(header.nonce);
    }

    checkClaims(client, claims) {
        const now = Date.now() / 1000;
        demand(claims.iss === client.id && claims.sub === client.id, "iss and sub are not the client id");
        demand(claims.aud === this.host.replace(/:\d+$/, ""), `aud is ${JSON.stringify(claims.aud)}`);
        demand([claims.iat, claims.nbf, claims.exp].every(Number.isInteger), "iat, nbf, exp are not integers");
        demand(claims.exp === claims.iat + 120 && claims.nbf === claims.iat - 120,
            "nbf and exp are not 120 seconds on either side of iat");
        demand(Math.abs(claims.iat - now) < CLOCKS_APART, "iat is not now");
    }

    // A new token of a client, for so many seconds.
    give(client, seconds) {
        const token = `acme_${crypto.randomBytes(24).toString("base64url")}`;
        this.tokens.set(token, {client: client.id, until: Date.now() + seconds * 1000});
        return token;
    }

    // Ends the lives of all tokens.
    revoke() {
        for (const token of this.tokens.values()) token.until = 0;
    }

    // Whose token an Authorization header holds: {client} or {problem, wrong}.
    owner(header) {
        const token = this.tokens.get(/^Bearer (\S+)$/.exec(header ?? "")?.[1]);
        if (!token) return {problem: "the token is not known", wrong: true};
        if (Date.now() >= token.until) return {problem: "the token has expired", wrong: false};
        return {client: token.client};
    }
}

module.exports = {Clients, Refused};
