import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { kindOf } from "../../src/base/failure.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { isRoot } from "../support/tare.ts";

const kindOfFailed = async (call: Promise<unknown>): Promise<string> =>
  kindOf(
    await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );

describe.skipIf(!isRoot)("pod sandboxes of the CRI", () => {
  let daemon: CriDaemon;

  const statusOf = async (id: string) => {
    const { status } = await daemon.runtime("PodSandboxStatus", { pod_sandbox_id: id });
    if (status === null) throw new Error("there is no status");
    return status;
  };

  beforeAll(async () => {
    daemon = new CriDaemon();
    await daemon.start();
    await daemon.loadBusybox();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test("a sandbox is ready, listed with its metadata, then stopped and removed, each as often as wanted", async () => {
    const config = daemon.podConfig({ hostname: "podhost" });
    const { pod_sandbox_id: id } = await daemon.runtime("RunPodSandbox", { config });
    const status = await statusOf(id);
    expect(status).toMatchObject({ id, state: 0, metadata: config.metadata, labels: config.labels });
    expect(status.annotations).toEqual({ note: config.metadata?.name ?? "" });
    expect(status.network?.ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const { items } = await daemon.runtime("ListPodSandbox", { filter: { id: id.slice(0, 12) } });
    expect(items.map((each) => [each.id, each.state])).toEqual([[id, 0]]);
    for (const label_selector of [{ app: "other" }, { absent: "" }]) {
      expect((await daemon.runtime("ListPodSandbox", { filter: { label_selector } })).items).toEqual([]);
    }
    const [part] = await daemon.stream("runtime.v1.RuntimeService/StreamPodSandboxes", {});
    expect(part?.pod_sandboxes).toEqual(items);
    for (let time = 0; time < 2; time++) await daemon.runtime("StopPodSandbox", { pod_sandbox_id: id });
    expect((await statusOf(id)).state).toBe(1);
    const ready = { filter: { state: { state: 0 } } };
    expect((await daemon.runtime("ListPodSandbox", ready)).items).toEqual([]);
    for (let time = 0; time < 2; time++) await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: id });
    expect(await kindOfFailed(statusOf(id))).toBe("not-found");
    expect((await daemon.runtime("ListPodSandbox", {})).items).toEqual([]);
  });

  test("the same sandbox cannot be made twice, and a wrong request leaves nothing", async () => {
    const config = daemon.podConfig();
    const { pod_sandbox_id: id } = await daemon.runtime("RunPodSandbox", { config });
    expect(await kindOfFailed(daemon.runtime("RunPodSandbox", { config }))).toBe("conflict");
    const wrong = [
      { metadata: null },
      { metadata: { name: "x", uid: "", namespace: "y", attempt: 0 } },
      { hostname: "not a name" },
      { dns_config: { servers: ["nowhere"], searches: [], options: [] } },
      { linux: { sysctls: { "kernel.panic": "1" } } },
      { linux: { cgroup_parent: "kubepods-pod1.slice" } },
      { linux: { cgroup_parent: "/../../x" } },
      { linux: { security_context: { namespace_options: { network: 1 } } } },
    ] as const;
    for (const more of wrong) {
      const call = daemon.runtime("RunPodSandbox", { config: daemon.podConfig(more) });
      expect([more, await kindOfFailed(call)]).toEqual([more, "invalid"]);
    }
    const handler = daemon.runtime("RunPodSandbox", { config: daemon.podConfig(), runtime_handler: "kata" });
    expect(await kindOfFailed(handler)).toBe("invalid");
    const { items } = await daemon.runtime("ListPodSandbox", {});
    expect(items.map((each) => each.id)).toEqual([id]);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: id });
  });

  test("its containers have its host name, name servers and kernel parameters", async () => {
    const pod = await daemon.runPod({
      hostname: "podhost",
      dns_config: { servers: ["10.10.10.10"], searches: ["google.com"], options: ["ndots:8"] },
      linux: { sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" } },
    });
    const id = await daemon.runContainer(pod, { command: ["sleep", "1000"] });
    expect(await daemon.exec(id, "hostname")).toBe("podhost");
    expect(await daemon.exec(id, "cat", "/etc/resolv.conf")).toBe(
      "nameserver 10.10.10.10\nsearch google.com\noptions ndots:8",
    );
    expect(await daemon.exec(id, "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start")).toBe("80");
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
  });

  test("namespaces are the pod's, the container's or the node's as requested", async () => {
    const namespaceOf = async (id: string, kind: string): Promise<string> =>
      await daemon.exec(id, "readlink", `/proc/self/ns/${kind}`);
    const own = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);
    const run = async (options: object, name: string, pod: string): Promise<string> =>
      await daemon.runContainer(pod, {
        metadata: { name, attempt: 0 },
        command: ["sleep", "1000"],
        linux: { security_context: { namespace_options: options } },
      });
    const shared = await daemon.runPod();
    const both = [await run({}, "a", shared), await run({}, "b", shared)] as const;
    for (const kind of ["net", "ipc", "uts", "pid"]) {
      const [one, other] = await Promise.all(both.map((id) => namespaceOf(id, kind)));
      expect([kind, one === other, one === own(kind)]).toEqual([kind, true, false]);
    }
    const private_ = await run({ pid: 1 }, "c", shared);
    expect(await namespaceOf(private_, "pid")).not.toBe(await namespaceOf(both[0], "pid"));
    const target = await run({ pid: 3, target_id: private_ }, "d", shared);
    expect(await namespaceOf(target, "pid")).toBe(await namespaceOf(private_, "pid"));
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: shared });
    const options = { network: 2, pid: 2, ipc: 2 };
    const node = await daemon.runPod({ linux: { security_context: { namespace_options: options } } });
    const id = await run(options, "a", node);
    for (const kind of ["net", "ipc", "pid"]) expect(await namespaceOf(id, kind)).toBe(own(kind));
    expect((await statusOf(node)).network?.ip).toBe("");
    expect((await statusOf(node)).linux?.namespaces?.options).toMatchObject(options);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: node });
  });

  test("its cgroups are below the given parent, which goes with it", async () => {
    const parent = `/tare-cri-${process.pid}/pod1`;
    const pod = await daemon.runPod({ linux: { cgroup_parent: parent } });
    const id = await daemon.runContainer(pod, { command: ["sleep", "1000"] });
    const { info } = await daemon.runtime("ContainerStatus", { container_id: id, verbose: true });
    const { pid } = JSON.parse(info["info"] ?? "");
    const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    expect(lines).toContain(`:${parent}/${id}`);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
    await daemon.tare.must(["system", "settle"]);
    expect(existsSync(`/sys/fs/cgroup/pids${parent}`)).toBe(false);
  });

  test("a published port of the host reaches the pod", async () => {
    const port = 23_761;
    const pod = await daemon.runPod({ port_mappings: [{ container_port: 80, host_port: port }] });
    await daemon.runContainer(pod, { command: ["sh", "-c", "echo hello > /tmp/i; httpd -f -h /tmp -p 80"] });
    const { status } = await daemon.runtime("PodSandboxStatus", { pod_sandbox_id: pod });
    const answer = async (host: string): Promise<string> => {
      for (let tries = 0; ; tries++) {
        try {
          return (await (await fetch(`http://${host}/i`)).text()).trim();
        } catch (thrown) {
          if (tries === 100) throw thrown;
          await Bun.sleep(50);
        }
      }
    };
    expect(await answer(`${status?.network?.ip}:80`)).toBe("hello");
    expect(await answer(`127.0.0.1:${port}`)).toBe("hello");
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
  });

  test("Docker's API neither shows nor touches pods and containers; tare shows them with --cri", async () => {
    const pod = await daemon.runPod();
    const id = await daemon.runContainer(pod, { command: ["sh", "-c", "echo seen; sleep 1000"] });
    expect(await daemon.tare.must(["ps", "-aq"])).toBe("");
    expect(await daemon.tare.must(["pod", "ls", "-q"])).toBe("");
    for (const words of [
      ["inspect", id],
      ["rm", id],
      ["stop", id],
      ["kill", id],
      ["exec", id, "true"],
      ["cp", `${id}:/etc/passwd`, "/dev/null"],
      ["stop", `cri:${id}`],
      ["pod", "rm", "-f", pod],
      ["run", "--rm", "--network", `container:${id}`, "busybox", "true"],
      ["run", "--rm", "--pid", `container:${id}`, "busybox", "true"],
      ["run", "--rm", "--volumes-from", id, "busybox", "true"],
      ["network", "disconnect", "-f", "bridge", pod],
    ])
      expect([words, await daemon.tare.refused(words)]).toEqual([
        words,
        expect.stringMatching(/No such|no such|cannot find/),
      ]);
    await daemon.tare.tare(["rm", "-f", id, pod, `cri:${id}`]); // as Docker's client, it succeeds
    await daemon.tare.must(["container", "prune", "-f"]);
    await daemon.tare.must(["pod", "prune", "-f"]);
    await daemon.tare.must(["system", "prune", "-af", "--volumes"]);
    expect(await daemon.exec(id, "echo", "still here")).toBe("still here");
    expect(await daemon.tare.must(["network", "inspect", "bridge", "--format", "{{len .Containers}}"])).toBe(
      "0",
    );
    expect((await daemon.tare.must(["ps", "--cri", "-q", "--no-trunc"])).split("\n")).toEqual([id, pod]);
    expect(await daemon.tare.must(["pod", "ls", "--cri", "-q", "--no-trunc"])).toBe(pod);
    expect(await daemon.tare.must(["inspect", "--format", "{{.Id}}", `cri:${id.slice(0, 12)}`])).toBe(id);
    expect(await daemon.tare.must(["logs", `cri:${id}`])).toBe("seen");
    expect(await daemon.tare.must(["top", `cri:${id}`])).toContain("sleep 1000");
    expect(await daemon.tare.must(["stats", "--no-stream", "--format", "{{.ID}}", `cri:${id}`])).toBe(
      id.slice(0, 12),
    );
    const events = await daemon.tare.must(["events", "--since", "1h", "--until", "0s"]);
    expect(events).not.toContain(id);
    await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: pod });
  });
});
