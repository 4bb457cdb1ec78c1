import { afterEach, describe, expect, test } from "bun:test";
import { Failure } from "../../../src/base/failure.ts";
import { Connections } from "../../../src/image/registry/connection.ts";
import { downloadBlob } from "../../../src/image/registry/download.ts";
import type { RepositoryAction } from "../../../src/image/registry/endpoint.ts";
import { fetchManifest, findManifest, putManifest } from "../../../src/image/registry/manifests.ts";
import { Repository } from "../../../src/image/registry/repository.ts";
import { parseRetryAfter, retryDelayMs } from "../../../src/image/registry/retry.ts";
import { hasBlob, uploadBlob } from "../../../src/image/registry/upload.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  type Fault,
  type SeenRequest,
  TestRegistry,
  type TestRegistryOptions,
} from "../../support/test-registry.ts";
import type { RegistryCredentials } from "../../../src/spec/registry/registry-credentials.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing[Symbol.asyncDispose]();
});

async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  open.push(registry);
  return registry;
}

function repositoryOf(
  registry: TestRegistry,
  {
    path = "library/thing",
    action = "pull",
    credentials,
    idleMs = 30_000,
    origin = registry.origin,
  }: {
    readonly path?: string;
    readonly action?: RepositoryAction;
    readonly credentials?: RegistryCredentials;
    readonly idleMs?: number;
    readonly origin?: string;
  } = {},
): Repository {
  return new Repository({
    origin,
    path,
    action,
    connections: new Connections({ idleMs }),
    credentials: () => Promise.resolve(credentials),
  });
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** Runs it, and gives the failure that it has to end in. */
async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof Failure)) throw new Error(`no failure, but ${String(thrown)}`);
  return thrown;
}

/** The fault for the first `count` requests that match. */
function first(
  count: number,
  matches: (seen: SeenRequest) => boolean,
  fault: Fault,
): (seen: SeenRequest) => Fault | undefined {
  let left = count;
  return (seen) => (matches(seen) && left-- > 0 ? fault : undefined);
}

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
const isBlob = ({ method, url }: SeenRequest): boolean => method === "GET" && url.includes("/blobs/");

describe("downloadBlob()", () => {
  let wireBytes = 0;
  const take = async (
    registry: TestRegistry,
    offset = 0,
    limits: { readonly idleMs?: number } = {},
  ): Promise<Buffer> => {
    const digest = registry.addBlob("library/thing", content);
    const blob = { digest: digest as ReturnType<typeof digestOf>, size: content.length };
    wireBytes = 0;
    const onBytes = (bytes: number): void => void (wireBytes += bytes);
    return await bytesOf(downloadBlob(repositoryOf(registry, limits), blob, { offset, onBytes }));
  };

  test("gives the bytes, also from an offset on", async () => {
    const registry = await start();
    expect(await take(registry)).toEqual(content);
    expect(await take(registry, 1000)).toEqual(content.subarray(1000));
    expect(registry.sentBlobBytes).toBe(2 * content.length - 1000);
  });

  test("takes a connection that breaks up where it broke, and fetches nothing twice", async () => {
    const registry = await start({ fault: first(3, isBlob, { kind: "cut", afterBytes: 50_000 }) });
    expect(await take(registry)).toEqual(content);
    expect(registry.sentBlobBytes).toBe(content.length);
    expect(registry.seen.filter(isBlob).map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=50000-",
      "bytes=100000-",
      "bytes=150000-",
    ]);
  });

  test("goes on after a stall", async () => {
    const registry = await start({ fault: first(1, isBlob, { kind: "stall", afterBytes: 70_000 }) });
    expect(await take(registry, 0, { idleMs: 2000 })).toEqual(content);
    expect(registry.sentBlobBytes).toBe(content.length);
  });

  test("skips what it has when the server gives no range", async () => {
    const registry = await start({ fault: () => ({ kind: "no-range" }) });
    expect(await take(registry, 123_456)).toEqual(content.subarray(123_456));
    expect(wireBytes).toBe(content.length); // what is passed over was sent all the same
  });

  test("tries again on 500, 503 and 429, by Retry-After", async () => {
    for (const status of [500, 503, 429]) {
      const fault = { kind: "status", status, headers: { "Retry-After": "0" } } as const;
      const registry = await start({ fault: first(2, isBlob, fault) });
      expect(await take(registry)).toEqual(content);
      expect(registry.seen.filter(isBlob)).toHaveLength(3);
    }
  });

  test("gives up on a server that wants us back in an hour, and says what it said", async () => {
    const body = JSON.stringify({
      errors: [{ code: "TOOMANYREQUESTS", message: "You have reached your pull rate limit" }],
    });
    const registry = await start({
      fault: () => ({ kind: "status", status: 429, headers: { "Retry-After": "3600" }, body }),
    });
    const failure = await failureOf(take(registry));
    expect(failure.kind).toBe("unavailable");
    expect(failure.message).toBe(`${registry.host}: toomanyrequests: You have reached your pull rate limit`);
  });

  test("refuses more bytes than were announced, and a wrong range", async () => {
    const more = await start({ fault: () => ({ kind: "more", bytes: Buffer.from("more") }) });
    expect((await failureOf(take(more))).message).toContain("sends more than the 300000 bytes announced");
    const long = await start({ fault: () => ({ kind: "lie", bytes: Buffer.alloc(content.length + 1) }) });
    expect((await failureOf(take(long))).kind).toBe("corrupt");
    const wrong = await start({
      fault: () => ({
        kind: "status",
        status: 206,
        headers: { "Content-Range": "bytes 7-99/100", "Content-Length": "93" },
      }),
    });
    expect((await failureOf(take(wrong, 5))).message).toContain("sent another part of it");
  });

  test("follows a redirect, tells another host nothing of who we are, and no circle", async () => {
    const store = await start();
    store.addBlob("library/thing", content);
    const registry = await start({ auth: { kind: "basic", username: "u", password: "p" } });
    const digest = registry.addBlob("library/thing", content);
    registry.fault = (seen) =>
      isBlob(seen) && seen.headers.authorization !== undefined
        ? { kind: "redirect", to: `${store.origin}${seen.url}` }
        : undefined;
    const repository = repositoryOf(registry, {
      credentials: { kind: "password", username: "u", password: "p" },
    });
    const blob = { digest: digest as ReturnType<typeof digestOf>, size: content.length };
    expect(await bytesOf(downloadBlob(repository, blob))).toEqual(content);
    expect(store.seen).toHaveLength(1);
    expect(store.seen[0]?.headers.authorization).toBeUndefined();

    const round = await start({ fault: ({ url }) => ({ kind: "redirect", to: url }) });
    expect((await failureOf(take(round))).message).toContain("redirects in circles");
    let count = 0;
    const endless = await start({
      fault: ({ url }) => ({ kind: "redirect", to: `${url.split("?")[0]}?${count++}` }),
    });
    expect((await failureOf(take(endless))).message).toContain("redirects in circles");
    const file = await start({ fault: () => ({ kind: "redirect", to: "file:///etc/passwd" }) });
    expect((await failureOf(take(file))).kind).toBe("corrupt");
  });

  test("stops at once when it is canceled", async () => {
    const registry = await start({ fault: () => ({ kind: "stall", afterBytes: 10 }) });
    const digest = registry.addBlob("library/thing", content) as ReturnType<typeof digestOf>;
    const stop = new AbortController();
    const repository = new Repository({
      origin: registry.origin,
      path: "library/thing",
      action: "pull",
      connections: new Connections({ idleMs: 60_000 }),
      credentials: () => Promise.resolve(undefined),
      signal: stop.signal,
    });
    const running = bytesOf(
      downloadBlob(repository, { digest, size: content.length }, { signal: stop.signal }),
    );
    setTimeout(() => stop.abort(new Failure("canceled", "cannot go on: stopped")), 100);
    expect((await failureOf(running)).kind).toBe("canceled");
  });
});

describe("authorisation", () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const credentials = { kind: "password", username: "me", password: "secret" } as const;

  for (const kind of ["basic", "token"] as const) {
    test(`${kind}: is given when it is asked for, and once for many requests`, async () => {
      const registry = await start({ auth: { kind, username: "me", password: "secret" } });
      registry.addManifest("library/thing", "latest", { bytes, mediaType: "application/json" });
      const repository = repositoryOf(registry, { credentials });
      expect((await fetchManifest(repository, "latest")).bytes).toEqual(bytes);
      await Promise.all(Array.from({ length: 5 }, () => fetchManifest(repository, "latest")));
      expect(registry.seen.filter(({ url }) => url.startsWith("/token")).length).toBe(
        kind === "token" ? 1 : 0,
      );
      expect(registry.seen[0]?.headers.authorization).toBeUndefined();
      const wrong = repositoryOf(registry, { credentials: { ...credentials, password: "x" } });
      expect((await failureOf(fetchManifest(wrong, "latest"))).kind).toBe("not-permitted");
      expect((await failureOf(fetchManifest(repositoryOf(registry), "latest"))).kind).toBe("not-permitted");
    });
  }

  test("a password goes to no realm that is not encrypted when the registry is", async () => {
    const registry = await start();
    registry.fault = () => ({
      kind: "status",
      status: 401,
      headers: { "WWW-Authenticate": 'Bearer realm="ftp://elsewhere/token",service="x"' },
    });
    expect(
      (await failureOf(fetchManifest(repositoryOf(registry, { credentials }), "latest"))).message,
    ).toContain("unencrypted");
    registry.fault = () => ({ kind: "status", status: 401, headers: { "WWW-Authenticate": "Bearer" } });
    expect(
      (await failureOf(fetchManifest(repositoryOf(registry, { credentials }), "latest"))).message,
    ).toContain("no place for tokens");
  });
});

describe("manifests", () => {
  const bytes = Buffer.from('{"schemaVersion":2}');

  test("are fetched by tag and by digest, found and stored", async () => {
    const registry = await start();
    const repository = repositoryOf(registry, { action: "push" });
    expect(await findManifest(repository, "v1")).toBeUndefined();
    await putManifest(repository, "v1", { bytes, mediaType: "application/x" });
    const found = await fetchManifest(repository, "v1");
    expect(found).toEqual({ digest: digestOf(bytes), bytes, mediaType: "application/x" });
    expect(await findManifest(repository, digestOf(bytes))).toEqual({
      digest: digestOf(bytes),
      mediaType: "application/x",
      size: bytes.length,
    });
  });

  test("that have another digest, or are too long, are refused", async () => {
    const registry = await start();
    registry.addManifest("library/thing", "v1", { bytes, mediaType: "application/x" });
    registry.fault = () => ({ kind: "lie", bytes: Buffer.from('{"schemaVersion":3}') });
    expect((await failureOf(fetchManifest(repositoryOf(registry), digestOf(bytes)))).kind).toBe("corrupt");
    expect((await failureOf(fetchManifest(repositoryOf(registry), "v1"))).kind).toBe("corrupt");
    registry.fault = () => ({ kind: "lie", bytes: Buffer.alloc(5 * 1024 * 1024) });
    expect((await failureOf(fetchManifest(repositoryOf(registry), "v1"))).message).toContain(
      "longer than 4194304 bytes",
    );
  });

  test("that are not there are said so in the registry's words", async () => {
    const registry = await start();
    const failure = await failureOf(fetchManifest(repositoryOf(registry), "nosuch"));
    expect(failure.kind).toBe("not-found");
    expect(failure.message).toBe(`${registry.host}: manifest unknown: manifest unknown`);
  });
});

describe("uploadBlob()", () => {
  const source = {
    digest: digestOf(content),
    size: content.length,
    open: (offset: number) => pieces(content.subarray(offset)),
  };
  async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 16_384) yield bytes.subarray(at, at + 16_384);
  }

  test("sends it once, and nothing when it is there", async () => {
    const registry = await start();
    const repository = repositoryOf(registry, { action: "push" });
    const sent: number[] = [];
    expect(await uploadBlob(repository, source, { onBytes: (bytes) => sent.push(bytes) })).toEqual({
      kind: "uploaded",
      bytes: content.length,
    });
    expect(sent.at(-1)).toBe(content.length);
    expect(registry.blobs.get(source.digest)).toEqual(content);
    expect(await hasBlob(repository, source.digest)).toBe(true);
    expect(await uploadBlob(repository, source)).toEqual({ kind: "exists" });
  });

  test("mounts it from another repository that has it, and sends it when none has", async () => {
    const registry = await start();
    registry.addBlob("other/one", content);
    const repository = repositoryOf(registry, { action: "push" });
    expect(await uploadBlob(repository, source, { mountFrom: ["nobody/here", "other/one"] })).toEqual({
      kind: "mounted",
      from: "other/one",
    });
    const second = await start();
    expect(
      await uploadBlob(repositoryOf(second, { action: "push" }), source, { mountFrom: ["a/b"] }),
    ).toMatchObject({
      kind: "uploaded",
    });
  });

  test("goes on where it broke off", async () => {
    const isPut = ({ method, url }: SeenRequest): boolean => method === "PUT" && url.includes("/uploads/");
    const registry = await start({ fault: first(1, isPut, { kind: "cut", afterBytes: 100_000 }) });
    const outcome = await uploadBlob(repositoryOf(registry, { action: "push" }), source);
    expect(outcome.kind).toBe("uploaded");
    expect(registry.blobs.get(source.digest)).toEqual(content);
    expect(registry.seen.some(({ method }) => method === "PATCH")).toBe(true);
  });

  test("says why a registry refuses it", async () => {
    const body = JSON.stringify({
      errors: [{ code: "DENIED", message: "requested access to the resource is denied" }],
    });
    const registry = await start({
      fault: ({ method }) => (method === "POST" ? { kind: "status", status: 403, body } : undefined),
    });
    const failure = await failureOf(uploadBlob(repositoryOf(registry, { action: "push" }), source));
    expect([failure.kind, failure.message]).toEqual([
      "not-permitted",
      `${registry.host}: denied: requested access to the resource is denied`,
    ]);
  });
});

describe("reaching a registry", () => {
  test("fails in one sentence when nobody is there", async () => {
    const registry = await start();
    const { origin } = registry;
    await registry[Symbol.asyncDispose]();
    open.length = 0;
    const failure = await failureOf(fetchManifest(repositoryOf(registry, { origin }), "latest"));
    expect(failure.kind).toBe("unavailable");
    expect(failure.message).toMatch(/^cannot reach 127\.0\.0\.1:\d+: connection refused$/);
  }, 30_000);
});

describe("retryDelayMs()", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const delay = (outcome: Parameters<typeof retryDelayMs>[0], attempt = 1): number | undefined =>
    retryDelayMs(outcome, { attempt, now, random: 1 });

  test("doubles, has an end, and is only for what may work later", () => {
    expect([1, 2, 3, 4, 5, 6].map((attempt) => delay({ kind: "broken" }, attempt))).toEqual([
      250,
      500,
      1000,
      2000,
      4000,
      undefined,
    ]);
    for (const status of [400, 401, 403, 404, 405, 416, 501])
      expect(delay({ kind: "reply", status })).toBeUndefined();
    expect(delay({ kind: "reply", status: 503, retryAfter: "2" })).toBe(2000);
    expect(delay({ kind: "reply", status: 503, retryAfter: "Thu, 01 Jan 2026 00:00:03 GMT" })).toBe(3000);
    expect(delay({ kind: "reply", status: 503, retryAfter: "61" })).toBeUndefined();
    expect(delay({ kind: "reply", status: 503, retryAfter: "soon" })).toBe(250);
  });

  test("parseRetryAfter() reads seconds and dates", () => {
    expect(parseRetryAfter(undefined, now)).toBeUndefined();
    expect(parseRetryAfter("5", now)).toBe(5000);
    expect(parseRetryAfter("Wed, 31 Dec 2025 23:59:00 GMT", now)).toBe(0);
  });
});
