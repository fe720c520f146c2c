"use strict";
// check: what a request must be, by the fact sheet's rules of validation. Each function gives a sentence, or nothing.

const MAX_DATA = 1024 * 1024;
const size = (text) => Buffer.byteLength(text ?? "", "utf8");

const ends = (text, most, name) => size(text) >= 1 && size(text) <= most ? undefined :
    `${name} has ${size(text)} bytes, not 1 to ${most}`;
const host = (request) => ends(request?.host_id, 256, "host_id");
const taskId = (id) => /^[a-zA-Z0-9]{27}$/.test(id ?? "") ? undefined : `task_id is "${id ?? ""}"`;
const annotations = (list) => (list ?? []).length <= 16 ? undefined : `${list.length} annotations`;
const first = (...problems) => problems.find((problem) => problem);

const OS = ["hostname", "os", "platform", "platform_version", "platform_family", "kernel_version", "kernel_arch",
    "virtualization_system"];
const BUILD = ["lang_version", "package", "package_version"];

function strings(message, names, what) {
    if (!message) return `${what} is missing`;
    return first(...names.map((name) => ends(message[name], 256, `${what}.${name}`)));
}

function capabilities(known) {
    if (!known) return "capabilities are missing";
    for (const of of known.resource_type_capabilities ?? []) {
        const id = of.resource_type?.id;
        const problem = first(ends(id, 1024, "a resource type's id"),
            (of.capabilities ?? []).length ? undefined : `resource type ${id} has no capability`);
        if (problem) return problem;
    }
    return (known.connector_capabilities ?? []).length ? undefined : "the connector has no capability";
}

function metadata(connector) {
    if (!connector) return "connector_metadata is missing";
    return first(ends(connector.display_name, 1024, "display_name"),
        connector.help_url && !connector.help_url.startsWith("https://") ? "help_url is not of https" : undefined,
        size(connector.description) > 4096 ? "a description of over 4096 bytes" : undefined,
        capabilities(connector.capabilities));
}

function outcome(request) {
    const code = request.status?.code ?? 0;
    if (!request.error && !request.success) return "final_state is missing";
    if (request.success && request.status) return "a success with a status";
    if (request.error && (code < 1 || code > 16)) return `an error with the code ${code}`;
    return first(annotations(request.error?.annotations), annotations(request.success?.annotations));
}

const checks = {
    Hello: (request) => first(host(request), request.task_id ? taskId(request.task_id) : undefined,
        strings(request.build_info, BUILD, "build_info"), strings(request.os_info, OS, "os_info"),
        metadata(request.connector_metadata), annotations(request.annotations)),
    GetTask: host,
    GetTasks: (request) => first(host(request),
        request.page_size >= 1 && request.page_size <= 100 ? undefined : `page_size is ${request.page_size ?? 0}`,
        ...(request.known_task_ids ?? []).map(taskId), annotations(request.annotations)),
    Heartbeat: (request) => first(host(request), taskId(request.task_id), annotations(request.annotations),
        ...(request.task_ids ?? []).map(taskId)),
    FinishTask: (request) => first(host(request), taskId(request.task_id), outcome(request)),
    UploadMetadata: (message) => first(host(message), taskId(message.task_id), annotations(message.annotations)),
    UploadData: (message) => message.data?.length >= 1 && message.data.length <= MAX_DATA ? undefined :
        `data of ${message.data?.length ?? 0} bytes`,
    UploadEOF: (message) => message.sha256_checksum?.length === 32 ? undefined : "a checksum that is not 32 bytes",
};

// The headers of a call: the first thing that is not as the contract says.
function headers(all) {
    return first(all[":method"] === "POST" ? undefined : `the method ${all[":method"]}`,
        all["content-type"] === "application/grpc" ? undefined : `the content type ${all["content-type"]}`,
        all.te === "trailers" ? undefined : `te is ${all.te}`,
        all["grpc-accept-encoding"] === undefined ? undefined : "it offers to read compressed answers",
        all["user-agent"] ? undefined : "no user-agent");
}

module.exports = {checks, headers};
