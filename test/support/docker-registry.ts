import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Debian's docker-registry, with TLS by an authority of its own and the one user `me` with the password `secret`. */
export interface DockerRegistry extends AsyncDisposable {
  readonly host: string;
}

export async function startDockerRegistry(
  directory: string,
  { address = "127.0.0.1" }: { readonly address?: string } = {},
): Promise<DockerRegistry> {
  mkdirSync(directory);
  makeCertificates(directory);
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, address, resolve));
  const host = `${address}:${(probe.address() as AddressInfo).port}`;
  await new Promise((resolve) => probe.close(resolve));
  const hash = await Bun.password.hash("secret", { algorithm: "bcrypt", cost: 4 });
  writeFileSync(join(directory, "htpasswd"), `me:${hash}\n`);
  writeFileSync(
    join(directory, "config.yml"),
    `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: ${directory}/data}}
auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}
http: {addr: "${host}", tls: {certificate: ${directory}/cert.pem, key: ${directory}/key.pem}}
`,
  );
  const server = spawn("docker-registry", ["serve", join(directory, "config.yml")], { stdio: "ignore" });
  const ended = new Promise((resolve) => server.once("close", resolve));
  const reach = (): Promise<boolean> =>
    fetch(`https://${host}/v2/`, { tls: { rejectUnauthorized: false } }).then(
      () => true,
      () => false,
    );
  for (const end = Date.now() + 20_000; Date.now() < end && !(await reach()); ) await Bun.sleep(50);
  return {
    host,
    [Symbol.asyncDispose]: async () => {
      server.kill("SIGKILL");
      await ended;
    },
  };
}

/** An authority, and a certificate of it for 127.0.0.1. */
export function makeCertificates(directory: string): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
} {
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
  openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=authority",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
  );
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=registry",
    "-keyout",
    at("key.pem"),
    "-out",
    at("request.pem"),
  );
  writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  openssl(
    "x509",
    "-req",
    "-in",
    at("request.pem"),
    "-CA",
    at("ca.pem"),
    "-CAkey",
    at("ca.key"),
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    at("names"),
    "-out",
    at("cert.pem"),
  );
  const text = (name: string): string => readFileSync(at(name), "utf8");
  return { ca: text("ca.pem"), cert: text("cert.pem"), key: text("key.pem") };
}
