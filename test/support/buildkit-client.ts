import { connect } from "node:net";
import { Duplex } from "node:stream";
import { codingsOf } from "../../src/daemon/buildkit/codings.ts";
import {
  decodeFilePacket,
  encodeFilePacket,
  type FilePacket,
} from "../../src/daemon/buildkit/file-packet.ts";
import { GrpcClient } from "../../src/grpc/client.ts";
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

  /** Gives the message of the failure; "" for a build that succeeds. */
  async solve(ref: string, session: string, options: Readonly<Record<string, string>> = {}): Promise<string> {
    const method = "moby.buildkit.v1.Control/Solve";
    const request = { Ref: ref, Session: session, Frontend: "dockerfile.v0", FrontendAttrs: options };
    return this.control.unary(`/${method}`, codingsOf(method), request).then(
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
