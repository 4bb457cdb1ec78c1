import { connect } from "node:net";
import { Duplex } from "node:stream";
import { codingsOf } from "../../src/daemon/buildkit/codings.ts";
import {
  decodeFilePacket,
  encodeFilePacket,
  type FilePacket,
} from "../../src/daemon/buildkit/file-packet.ts";
import type { Messages } from "../../src/daemon/buildkit/messages.ts";
import { GrpcClient } from "../../src/grpc/client.ts";
import type { Sendable } from "../../src/grpc/codec.ts";
import { GrpcServer, type Send } from "../../src/grpc/server.ts";

const packets = {
  request: { encode: encodeFilePacket as never, decode: decodeFilePacket },
  response: { encode: encodeFilePacket as never, decode: decodeFilePacket },
};

/** What a client's service of files does when the daemon asks for a directory. */
export type FileService = (
  directory: string,
  packets: {
    readonly received: AsyncIterable<FilePacket>;
    readonly send: (packet: FilePacket) => Promise<void>;
  },
) => Promise<void>;

/** Opens a connection of the daemon by `POST path` with an upgrade. Throws the head of another answer. */
export async function upgrade(
  socketPath: string,
  path: string,
  headers: readonly string[] = [],
): Promise<Duplex> {
  const socket = connect(socketPath);
  const duplex = new Duplex({
    read: () => {},
    write: (bytes: Uint8Array, _, done) => void socket.write(bytes, () => done()),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  duplex.on("error", () => {});
  socket.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<string>();
  let head: Buffer | undefined = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    if (head === undefined) return void duplex.push(piece);
    head = Buffer.concat([head, piece]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (head.length > end + 4) duplex.push(head.subarray(end + 4));
    resolve(head.toString("latin1"));
    head = undefined;
  });
  socket.on("close", () => {
    resolve("closed");
    duplex.destroy();
  });
  const lines = [`POST ${path} HTTP/1.1`, "Host: docker", "Connection: Upgrade", "Upgrade: h2c", ...headers];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const answer = await promise;
  if (answer.startsWith("HTTP/1.1 101")) return duplex;
  socket.destroy();
  throw new Error(answer);
}

/** A client of BuildKit's protocol that can be hostile: it calls the daemon, and serves files as the test says. */
export class RawBuildClient implements Disposable {
  readonly control: GrpcClient;
  readonly session: Duplex;
  readonly #connection: Duplex;

  private constructor(connection: Duplex, session: Duplex, files: FileService) {
    this.#connection = connection;
    this.session = session;
    this.control = new GrpcClient(connection);
    const server = new GrpcServer();
    server.duplex<FilePacket, FilePacket>(
      "/moby.filesync.v1.FileSync/DiffCopy",
      packets,
      async (received, { call, send }) => {
        const sendPacket: Send<never> = send;
        await files(call.header("dir-name") ?? "", {
          received,
          send: async (packet) => sendPacket(packet as never),
        });
      },
    );
    server.accept(session);
  }

  static async open(
    socketPath: string,
    {
      id,
      sharedKey = "",
      files,
    }: { readonly id: string; readonly sharedKey?: string; readonly files: FileService },
  ): Promise<RawBuildClient> {
    const session = await upgrade(socketPath, "/session", [
      `X-Docker-Expose-Session-Uuid: ${id}`,
      `X-Docker-Expose-Session-Sharedkey: ${sharedKey}`,
      "X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy",
    ]);
    return new RawBuildClient(await upgrade(socketPath, "/grpc"), session, files);
  }

  /** Gives what the daemon answers; throws its status. */
  async solveRequest(
    request: Sendable<Messages["moby.buildkit.v1.SolveRequest"]>,
  ): Promise<Messages["moby.buildkit.v1.SolveResponse"]> {
    const method = "moby.buildkit.v1.Control/Solve";
    return await this.control.unary(`/${method}`, codingsOf(method), request);
  }

  /** Gives the message of the failure; "" for a build that succeeds. */
  async solve(ref: string, session: string, options: Readonly<Record<string, string>> = {}): Promise<string> {
    const request = { Ref: ref, Session: session, Frontend: "dockerfile.v0", FrontendAttrs: options };
    return this.solveRequest(request).then(
      () => "",
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    );
  }

  [Symbol.dispose](): void {
    this.control.close();
    this.#connection.destroy();
    this.session.destroy();
  }
}

/** Serves these files as each directory that the daemon asks for, as one that knows no patterns. */
export function servingFiles(files: Readonly<Record<string, string>>): FileService {
  return async (_, { received, send }) => {
    const paths = Object.keys(files).sort();
    const directories = [...new Set(paths.flatMap((path) => parentsOf(path)))];
    const contents: string[] = [];
    for (const path of [...paths, ...directories].sort()) {
      const content = files[path];
      const entry = {
        path,
        uid: 0,
        gid: 0,
        modifiedNs: 1_000_000_000n,
        xattrs: new Map<string, Uint8Array>(),
      };
      contents.push(content ?? "");
      await send({
        type: "stat",
        entry:
          content === undefined
            ? { ...entry, mode: 0o040755, sizeBytes: 0 }
            : { ...entry, mode: 0o100644, sizeBytes: Buffer.byteLength(content) },
      });
    }
    await send({ type: "stat", entry: undefined });
    for await (const packet of received) {
      if (packet.type === "finish") return await send({ type: "finish" });
      if (packet.type !== "request") continue;
      const bytes = Buffer.from(contents[packet.id] ?? "");
      if (bytes.length > 0) await send({ type: "data", id: packet.id, bytes });
      await send({ type: "data", id: packet.id, bytes: Buffer.alloc(0) });
    }
  };
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
