import { spawn, spawnSync } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** `git http-backend` on the loopback, for the repositories of a directory. */
export class GitServer implements Disposable {
  readonly directory: string;
  /** The value of `Authorization` that is needed; undefined: none. */
  authorization: string | undefined;
  /** All paths that were asked for. */
  readonly paths: string[] = [];
  readonly #server: Server;

  private constructor(directory: string) {
    this.directory = directory;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(directory: string): Promise<GitServer> {
    const server = new GitServer(directory);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    this.paths.push(path);
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        GIT_PROJECT_ROOT: this.directory,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        REQUEST_METHOD: request.method ?? "",
        PATH_INFO: path,
        QUERY_STRING: query,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        ...(request.headers["content-encoding"] === undefined
          ? {}
          : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    request.pipe(child.stdin);
    child.stdin.on("error", () => undefined);
    let head: Buffer | undefined = Buffer.alloc(0);
    child.stdout.on("data", (chunk: Buffer) => {
      if (head === undefined) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const lines = head.toString("latin1", 0, end).split("\r\n");
      const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
      const status = Number(headers.find(([name]) => name === "Status")?.[1]?.split(" ")[0] ?? 200);
      response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== "Status")));
      response.write(head.subarray(end + 4));
      head = undefined;
    });
    child.on("close", () => response.end());
  }

  [Symbol.dispose](): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const identity = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.com",
  GIT_AUTHOR_DATE: "2020-01-02T03:04:05Z",
  GIT_COMMITTER_DATE: "2020-01-02T03:04:05Z",
};

/** Runs git in a directory and returns what it prints. Throws where it fails. */
export function runGit(directory: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("git", ["-C", directory, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...identity },
    encoding: "utf8",
    input,
  });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** A bare repository with a commit of these files; the commit. */
export function makeRepository(path: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(path, { recursive: true });
  runGit(path, ["init", "-q", "--bare", "-b", "main"]);
  return commitFiles(path, files);
}

/** Commits these files on a branch of a bare repository. */
export function commitFiles(
  path: string,
  files: Readonly<Record<string, string>>,
  { branch = "main" }: { readonly branch?: string } = {},
): string {
  const work = `${path}.work`;
  mkdirSync(work, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, name)), { recursive: true });
    writeFileSync(join(work, name), text);
  }
  const here = [`--git-dir=${path}`, `--work-tree=${work}`, "-c", "core.bare=false"];
  runGit(work, [...here, "add", "-A"]);
  runGit(work, [...here, "commit", "-qm", "files"]);
  const commit = runGit(work, [...here, "rev-parse", "HEAD"]);
  if (branch !== "main") runGit(path, ["branch", "-f", branch, commit]);
  return commit;
}
