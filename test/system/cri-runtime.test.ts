import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync } from "node:fs";
import { kindOf } from "../../src/base/failure.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("the CRI's runtime and its images", () => {
  let daemon: CriDaemon;

  beforeAll(async () => {
    daemon = new CriDaemon();
    await daemon.start();
    await daemon.loadBusybox();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test("the socket is root's, with mode 0660", () => {
    const { mode, uid, gid } = lstatSync(daemon.socket);
    expect([mode & 0o777, uid, gid]).toEqual([0o660, 0, 0]);
  });

  test("Version, Status and RuntimeConfig describe the runtime", async () => {
    expect(await daemon.runtime("Version", { version: "v1" })).toMatchObject({
      version: "0.1.0",
      runtime_name: "tare",
      runtime_api_version: "v1",
    });
    const plain = await daemon.runtime("Status", {});
    expect(plain.info).toEqual({});
    expect(plain.status?.conditions.map(({ type, status }) => [type, status])).toEqual([
      ["RuntimeReady", true],
      ["NetworkReady", true],
    ]);
    expect(plain.status?.conditions[1]?.message).toContain("the engine's own bridge");
    expect(plain.features?.supplemental_groups_policy).toBe(true);
    expect(plain.runtime_handlers).toEqual([
      { name: "", features: { recursive_read_only_mounts: true, user_namespaces: true } },
    ]);
    const verbose = await daemon.runtime("Status", { verbose: true });
    expect(JSON.parse(verbose.info["info"] ?? "")).toMatchObject({
      engine: { dataRoot: daemon.tare.dataRoot },
    });
    expect((await daemon.runtime("RuntimeConfig", {})).linux?.cgroup_driver).toBe(1);
    expect(await daemon.runtime("UpdateRuntimeConfig", {})).toEqual({});
  });

  test("checkpoints are refused as unimplemented, with a sentence", async () => {
    const refused = daemon.runtime("CheckpointContainer", { container_id: "x" });
    await expect(refused).rejects.toThrow("checkpoints are not supported");
    expect(kindOf(await refused.catch((thrown: unknown) => thrown))).toBe("unsupported");
  });

  test("ListImages and ImageStatus name an image as Kubernetes does", async () => {
    const { images } = await daemon.images("ListImages", {});
    expect(images).toHaveLength(1);
    const [image] = images;
    expect(image?.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(image?.repo_tags).toEqual(["docker.io/library/busybox:latest"]);
    expect(image?.size).toBeGreaterThan(100_000);
    expect(image?.pinned).toBe(false);
    for (const name of ["busybox", "docker.io/library/busybox:latest", image?.id ?? ""]) {
      const status = await daemon.images("ImageStatus", { image: { image: name } });
      expect(status.image).toEqual(image ?? null);
    }
    const verbose = await daemon.images("ImageStatus", { image: { image: "busybox" }, verbose: true });
    expect(JSON.parse(verbose.info["info"] ?? "").layers).toHaveLength(1);
    const [part] = await daemon.stream("runtime.v1.ImageService/StreamImages", {});
    expect(part?.images).toEqual(images);
    const filter = { image: { image: "absent" } };
    expect((await daemon.images("ListImages", { filter })).images).toEqual([]);
  });

  test("an absent image has no status, and its removal succeeds", async () => {
    expect((await daemon.images("ImageStatus", { image: { image: "absent" } })).image).toBeNull();
    expect(await daemon.images("RemoveImage", { image: { image: "absent" } })).toEqual({});
    const unnamed = daemon.images("ImageStatus", { image: { image: "" } });
    expect(kindOf(await unnamed.catch((thrown: unknown) => thrown))).toBe("invalid");
  });

  test("the user of an image is a number or a name", async () => {
    await daemon.tare.must(["image", "import", "--change", "USER 1002:5", "-", "numbered"], { input: "" });
    await daemon.tare.must(["image", "import", "--change", "USER www-data:www-data", "-", "named"], {
      input: "",
    });
    const numbered = await daemon.images("ImageStatus", { image: { image: "numbered" } });
    expect([numbered.image?.uid, numbered.image?.username]).toEqual([{ value: 1002 }, ""]);
    const named = await daemon.images("ImageStatus", { image: { image: "named" } });
    expect([named.image?.uid, named.image?.username]).toEqual([null, "www-data"]);
    const { images } = await daemon.images("ListImages", {});
    expect(images.map(({ username }) => username).toSorted()).toEqual(["", "", "www-data"]);
  });

  test("RemoveImage removes all names of an image, but no image that a container uses", async () => {
    await daemon.tare.must(["tag", "numbered", "numbered:other"]);
    await daemon.images("RemoveImage", { image: { image: "numbered" } });
    expect((await daemon.images("ImageStatus", { image: { image: "numbered:other" } })).image).toBeNull();
    const pod = await daemon.runPod();
    await daemon.runContainer(pod, { command: ["sleep", "1000"] });
    const used = daemon.images("RemoveImage", { image: { image: "busybox" } });
    expect(kindOf(await used.catch((thrown: unknown) => thrown))).toBe("conflict");
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
  });

  test("PullImage reports why an image cannot be pulled", async () => {
    const pull = daemon.images("PullImage", { image: { image: "127.0.0.1:1/absent:latest" } });
    expect(["unavailable", "not-found"]).toContain(kindOf(await pull.catch((thrown: unknown) => thrown)));
    const auth = { auth: Buffer.from("nocolon").toString("base64") };
    const wrong = daemon.images("PullImage", { image: { image: "127.0.0.1:1/absent:latest" }, auth });
    expect(kindOf(await wrong.catch((thrown: unknown) => thrown))).toBe("invalid");
  });

  test("ImageFsInfo gives the data root and the bytes of the layers", async () => {
    const { image_filesystems, container_filesystems } = await daemon.images("ImageFsInfo", {});
    expect(image_filesystems).toEqual(container_filesystems);
    expect(image_filesystems[0]?.fs_id?.mountpoint).toBe(daemon.tare.dataRoot);
    expect(image_filesystems[0]?.used_bytes?.value).toBeGreaterThan(100_000);
  });
});
