import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  acceptUnixConnection,
  bindUnixSocket,
  connectUnixSocket,
  openUnixSocket,
  readPeer,
  receiveUnixMessage,
  sendUnixMessage,
} from "../../src/linux/sockets/unix-message.ts";
import { call } from "../../src/linux/kernel/syscall.ts";

describe("messages of unix sockets", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "tare-message-"));
    writeFileSync(join(directory, "file"), "content");
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("carry descriptors, which are close-on-exec, and copies", () => {
    const path = join(directory, "packets");
    using listening = openUnixSocket("packet");
    bindUnixSocket(listening.fd, path);
    call("listen", listening.fd, 1);
    expect(acceptUnixConnection(listening.fd)).toBeUndefined();
    using client = openUnixSocket("packet");
    connectUnixSocket(client.fd, path);
    const file = openSync(join(directory, "file"), "r");
    sendUnixMessage(client.fd, Buffer.from("three"), { fds: [file, file, file] });
    closeSync(file);
    using server = acceptUnixConnection(listening.fd) as ReturnType<typeof openUnixSocket>;
    expect(readPeer(server.fd)).toMatchObject({ pid: process.pid, uid: process.getuid?.() });
    const message = receiveUnixMessage(server.fd, { mostBytes: 100 });
    expect(Buffer.from(message?.bytes ?? []).toString()).toBe("three");
    const fds = message?.fds ?? [];
    expect(fds).toHaveLength(3);
    const buffer = Buffer.alloc(7);
    readSync(fds[1]?.fd ?? -1, buffer, 0, 7, 0);
    expect(buffer.toString()).toBe("content");
    for (const fd of fds) {
      expect(call("fcntl", fd.fd, 1)).toBe(1); // F_GETFD: FD_CLOEXEC
      fd[Symbol.dispose]();
    }
    expect(receiveUnixMessage(server.fd, { mostBytes: 100 })).toBeUndefined();
    client[Symbol.dispose]();
    expect(receiveUnixMessage(server.fd, { mostBytes: 100 })).toBeUndefined();
  });

  test("nothing leaks in a thousand of them", () => {
    const path = join(directory, "many");
    using listening = openUnixSocket("datagram");
    bindUnixSocket(listening.fd, path);
    using client = openUnixSocket("datagram");
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 1000; i++) {
      sendUnixMessage(client.fd, Buffer.from([i & 255]), { to: path, fds: [0, 1, 2] });
      const message = receiveUnixMessage(listening.fd, { mostBytes: 10 });
      expect(message?.bytes).toEqual(new Uint8Array([i & 255]));
      for (const fd of message?.fds ?? []) fd[Symbol.dispose]();
    }
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("paths that can't be one are refused", () => {
    using socket = openUnixSocket("datagram");
    for (const to of ["", `/${"x".repeat(200)}`])
      expect(() => sendUnixMessage(socket.fd, Buffer.from("x"), { to })).toThrow(
        "its path is empty or too long",
      );
    expect(() => sendUnixMessage(socket.fd, Buffer.from("x"), { to: join(directory, "absent") })).toThrow(
      "ENOENT",
    );
  });
});
