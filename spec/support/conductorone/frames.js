"use strict";
// frames: gRPC's framing: a byte of flags, a length of 4 bytes, a message.

const MAX_MESSAGE = 4 * 1024 * 1024;

class FrameError extends Error {}

// Takes chunks, gives messages; holds one message at most.
class Frames {
    constructor() {
        this.chunks = [];
        this.size = 0;
    }

    // The messages that are whole now.
    * push(chunk) {
        this.chunks.push(chunk);
        this.size += chunk.length;
        while (this.size >= 5) {
            const head = this.front(5);
            if (head[0] !== 0) throw new FrameError(`a frame with the flags ${head[0]}`);
            const length = head.readUInt32BE(1);
            if (length > MAX_MESSAGE) throw new FrameError(`a message of ${length} bytes`);
            if (this.size < 5 + length) return;
            const message = this.front(5 + length).subarray(5);
            this.chunks[0] = this.chunks[0].subarray(5 + length);
            this.size -= 5 + length;
            yield message;
        }
    }

    // Nothing may be left of a body that has ended.
    end() {
        if (this.size > 0) throw new FrameError("the body ends within a frame");
    }

    // At least `length` bytes in one piece, which stays the first chunk; cut to the length.
    front(length) {
        if (this.chunks[0].length < length) this.chunks = [Buffer.concat(this.chunks)];
        return this.chunks[0].subarray(0, length);
    }
}

function frame(message, flags = 0) {
    const head = Buffer.alloc(5);
    head[0] = flags;
    head.writeUInt32BE(message.length, 1);
    return Buffer.concat([head, message]);
}

module.exports = {Frames, FrameError, frame};
