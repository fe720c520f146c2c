"use strict";
// upload: the file that an UploadAsset stream brings: hashed, and written where it is wanted, piece by piece.

const crypto = require("crypto");
const fs = require("fs");

const {checks} = require("./check");
const {Problem} = require("./call");

class Upload {
    // path: where the file goes, or nothing to hash it alone. task(id): raises where no such task was given.
    constructor(path, task) {
        this.path = path;
        this.task = task;
        this.hash = crypto.createHash("sha256");
        this.size = 0;
        this.chunks = 0;
    }

    // One message of the stream; raises Problem.
    take({metadata, data, eof}) {
        if (this.sha256) throw new Problem("INVALID_ARGUMENT", "a message behind eof");
        if (!this.metadata && !metadata) throw new Problem("INVALID_ARGUMENT", "metadata does not come first");
        if (metadata) this.begin(metadata);
        else if (data) this.piece(data);
        else if (eof) this.finish(eof);
        else throw new Problem("INVALID_ARGUMENT", "a message without metadata, data or eof");
    }

    begin(metadata) {
        if (this.metadata) throw new Problem("INVALID_ARGUMENT", "metadata comes twice");
        this.demand(checks.UploadMetadata(metadata));
        this.task(metadata.task_id);
        this.metadata = metadata;
        if (this.path) this.file = fs.openSync(this.path, "wx", 0o600);
    }

    piece(message) {
        this.demand(checks.UploadData(message));
        this.hash.update(message.data);
        this.size += message.data.length;
        this.chunks++;
        if (this.file !== undefined) fs.writeSync(this.file, message.data);
    }

    finish(eof) {
        this.demand(checks.UploadEOF(eof));
        this.sha256 = this.hash.digest("hex");
        if (this.size === 0) throw new Problem("INVALID_ARGUMENT", "a file without data");
        if (eof.sha256_checksum.toString("hex") !== this.sha256) {
            throw new Problem("INVALID_ARGUMENT", "the checksum is not that of the data");
        }
    }

    demand(problem) {
        if (problem) throw new Problem("INVALID_ARGUMENT", problem);
    }

    // The stream is over: whole or not.
    end() {
        if (!this.sha256) throw new Problem("INVALID_ARGUMENT", "the stream ends without eof");
    }

    close() {
        if (this.file !== undefined) fs.closeSync(this.file);
        this.file = undefined;
    }
}

module.exports = {Upload};
