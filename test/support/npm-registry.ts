import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { basename } from "node:path";

interface Published {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly bytes: Buffer;
  readonly file: string;
}

/** A registry of npm's on loopback that has the packages of these archives and no others. */
export class NpmRegistry implements Disposable {
  readonly url: string;
  /** Names that were asked for and are not there. */
  readonly missed: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, port: number, missed: readonly string[]) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/`;
    this.missed = missed;
  }

  static async start(archives: readonly string[]): Promise<NpmRegistry> {
    const packages = archives.map(readArchive);
    const missed: string[] = [];
    const server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "/").slice(1);
      const found = packages.find(({ manifest, file }) => path === manifest.name || path === `files/${file}`);
      if (found === undefined) {
        missed.push(path);
        response.writeHead(404, { "content-type": "application/json" }).end("{}");
      } else if (path.startsWith("files/")) response.end(found.bytes);
      else {
        const tarball = `http://${request.headers.host}/files/${found.file}`;
        response
          .writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify(describePackage(found, tarball)));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("cannot listen on loopback");
    return new NpmRegistry(server, address.port, missed);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function readArchive(path: string): Published {
  const manifest = spawnSync("tar", ["-xzOf", path, "package/package.json"], { encoding: "utf8" }).stdout;
  return { manifest: JSON.parse(manifest), bytes: readFileSync(path), file: basename(path) };
}

/** SPEC: the package metadata of npm's registry API. */
function describePackage({ manifest, bytes }: Published, tarball: string): object {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist: { tarball, integrity } } },
  };
}
