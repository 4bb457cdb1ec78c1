import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ApiAnswer, askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

describe.skipIf(!isRoot)("push, login and logout", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let config: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    registry = await TestRegistry.start({ auth: { kind: "token", username: "me", password: "secret" } });
    config = join(tare.directory, "docker");
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const env = (): Record<string, string> => ({ DOCKER_CONFIG: config });

  test("a wrong password is refused and nothing is kept; the right one is kept for its owner alone", async () => {
    const login = (password: string) =>
      tare.tare(["login", "-u", "me", "--password-stdin", registry.host], {
        env: env(),
        input: `${password}\n`,
      });
    const wrong = await login("x");
    expect([wrong.status, wrong.stderr]).toEqual([
      1,
      expect.stringContaining("incorrect username or password"),
    ]);
    expect(existsSync(config)).toBe(false);
    mkdirSync(config);
    writeFileSync(join(config, "config.json"), JSON.stringify({ detachKeys: "ctrl-x" }));
    const right = await login("secret");
    expect([right.status, right.stdout]).toEqual([0, "Login Succeeded\n"]);
    const path = join(config, "config.json");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      detachKeys: "ctrl-x",
      auths: { [registry.host]: { auth: Buffer.from("me:secret").toString("base64") } },
    });
  });

  test("sends what is not there, and nothing the second time; what was pushed can be pulled, bit for bit", async () => {
    const name = `${registry.host}/me/box:1`;
    await tare.must(["tag", "busybox", name]);
    const first = await tare.must(["push", name], { env: env() });
    expect(first).toMatch(/^[0-9a-f]{12}: Pushed$/m);
    expect(first).toMatch(/^Sent ([\d.]+[kM]B) of \1$/m);
    const [, digest = ""] = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(first) ?? [];
    const second = await tare.must(["push", name], { env: env() });
    expect(second).toContain("Layer already exists");
    expect(second).toMatch(/^Sent 0B of [\d.]+[kM]B: the rest was there$/m);
    const [details] = JSON.parse(await tare.must(["image", "inspect", name])) as {
      Id: string;
      RepoDigests: string[];
    }[];
    expect(details?.RepoDigests).toContain(`${registry.host}/me/box@${digest}`);

    await using other = new Installation();
    expect(await other.must(["pull", "-q", `${registry.host}/me/box@${digest}`], { env: env() })).toContain(
      digest,
    );
    const [pulled] = JSON.parse(
      await other.must(["image", "inspect", `${registry.host}/me/box@${digest}`]),
    ) as { Id: string }[];
    expect(pulled?.Id).toBe(details?.Id);
  });

  test("what a registry has can be looked up without bringing it", async () => {
    const header = Buffer.from(JSON.stringify({ username: "me", password: "secret" })).toString("base64url");
    const ask = (which: string): Promise<ApiAnswer> => {
      const path = `/distribution/${registry.host}/me/box:${which}/json`;
      return askApi(tare.socket, "GET", path, undefined, { headers: { "X-Registry-Auth": header } });
    };
    const reply = await ask("1");
    expect([reply.status, JSON.parse(reply.text)]).toEqual([
      200,
      {
        Descriptor: {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          size: expect.any(Number),
        },
        Platforms: [{ os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch }],
      },
    ]);
    const [details] = JSON.parse(await tare.must(["image", "inspect", "busybox"])) as { Id: string }[];
    const config = Buffer.from(registry.blobs.get(details?.Id ?? "") ?? []).toString();
    const forged = Buffer.from(config.replace("linux", "linuy")); // as long as the right one
    registry.fault = ({ url }) =>
      url.includes(`/blobs/${details?.Id}`) ? { kind: "lie", bytes: forged } : undefined;
    const lie = await ask("1");
    registry.fault = undefined;
    expect([lie.status >= 400, JSON.parse(lie.text)]).toEqual([
      true,
      { message: expect.stringContaining("its content has digest") },
    ]);
    const missing = await ask("9");
    expect([missing.status, JSON.parse(missing.text)]).toEqual([
      404,
      { message: expect.stringMatching(/^manifest for .*\/me\/box:9 not found: /) },
    ]);
  });

  test("a layer that another repository of the registry has is mounted from there", async () => {
    const name = `${registry.host}/me/second:1`;
    await tare.must(["tag", "busybox", name]);
    const output = await tare.must(["push", name], { env: env() });
    expect(output).toMatch(/^[0-9a-f]{12}: Mounted from me\/box$/m);
  });

  test("what was committed can be pushed", async () => {
    await tare.must(["run", "--name", "made", "busybox", "touch", "/new"]);
    const name = `${registry.host}/me/made:1`;
    await tare.must(["commit", "made", name]);
    expect(await tare.must(["push", name], { env: env() })).toMatch(/^1: digest: sha256:/m);
    await tare.must(["rm", "made"]);
    await tare.must(["rmi", name]);
    expect(await tare.must(["run", "--rm", "-q", name, "ls", "/new"], { env: env() })).toBe("/new");
  });

  test("without rights, or without such an image, it says so", async () => {
    const name = `${registry.host}/me/box:1`;
    const refused = await tare.tare(["push", name]);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^tare: push access denied for .*\/me\/box, it may require 'docker login': /),
    ]);
    const missing = await tare.tare(["push", `${registry.host}/nobody/here`]);
    expect([missing.status, missing.stderr]).toEqual([
      1,
      `tare: An image does not exist locally with the tag: ${registry.host}/nobody/here\n`,
    ]);
    const digest = await tare.tare(["push", `busybox@sha256:${"0".repeat(64)}`]);
    expect(digest.stderr).toContain("cannot push a digest reference");
  });

  test("a helper keeps the credentials when the configuration names one", async () => {
    const bin = join(tare.directory, "bin");
    mkdirSync(bin);
    const kept = join(tare.directory, "kept");
    writeFileSync(
      join(bin, "docker-credential-test"),
      `#!/bin/sh\ncase $1 in store) cat > ${kept};; get) [ -e ${kept} ] && cat ${kept} || { echo credentials not found in native keychain; exit 1; };; erase) cat >> ${kept}-erased; echo >> ${kept}-erased; rm -f ${kept};; list) echo '{"helped.example":"me"}';; esac\n`,
    );
    chmodSync(join(bin, "docker-credential-test"), 0o755);
    const helped = join(tare.directory, "helped");
    mkdirSync(helped);
    writeFileSync(join(helped, "config.json"), JSON.stringify({ credsStore: "test" }));
    const with_ = { env: { DOCKER_CONFIG: helped, PATH: `${bin}:${process.env["PATH"] ?? ""}` } };
    const name = `${registry.host}/me/box:1`;
    expect((await tare.tare(["push", name], with_)).status).toBe(1);
    await tare.must(["login", "-u", "me", "--password-stdin", registry.host], { ...with_, input: "secret" });
    expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual({
      ServerURL: registry.host,
      Username: "me",
      Secret: "secret",
    });
    expect(readFileSync(join(helped, "config.json"), "utf8")).not.toContain('auth"');
    expect((await tare.tare(["push", name], with_)).status).toBe(0);
    expect((await tare.must(["__complete", "logout", ""], with_)).split("\n")).toEqual([
      `${registry.host}\tregistry`,
      "helped.example\tregistry",
    ]);
    expect(await tare.must(["logout", registry.host], with_)).toBe(
      `Removing login credentials for ${registry.host}`,
    );
    expect(existsSync(kept)).toBe(false);
    expect(readFileSync(`${kept}-erased`, "utf8")).toBe(`${registry.host}\n`);
    expect(await tare.must(["logout", registry.host], with_)).toBe(`Not logged in to ${registry.host}`);
  });

  test("a helper of one registry comes before that of all; logout forgets what old clients wrote, too", async () => {
    const home = join(tare.directory, "old");
    mkdirSync(home);
    const auth = Buffer.from("me:secret").toString("base64");
    const write = (document: object): void =>
      writeFileSync(join(home, "config.json"), JSON.stringify(document));
    const read = (): unknown => JSON.parse(readFileSync(join(home, "config.json"), "utf8"));
    const with_ = { env: { DOCKER_CONFIG: home } };
    write({ auths: { [`https://${registry.host}/v1/`]: { auth }, "other.example": { auth } } });
    await tare.must(["push", "-q", `${registry.host}/me/box:1`], with_);
    expect(await tare.must(["logout", registry.host], with_)).toBe(
      `Removing login credentials for ${registry.host}`,
    );
    expect(read()).toEqual({ auths: { "other.example": { auth } } });
    write({ credsStore: "absent", credHelpers: { [registry.host]: "missing" } });
    const { status, stderr } = await tare.tare(["push", `${registry.host}/me/box:1`], with_);
    expect([status, stderr]).toEqual([
      1,
      "tare: cannot ask docker-credential-missing: executable file not found in $PATH\n",
    ]);
  });
});
