import { describe, expect, test } from "bun:test";
import { resolveInfra, resolveShare } from "../../../src/engine/resolve/pod-infra.ts";
import { resolvePodMember, type PodFacts } from "../../../src/engine/resolve/pod-member.ts";
import { podStateOf } from "../../../src/engine/resolve/pod-state.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

const pod: PodFacts = {
  id: asId<ContainerId>("f".repeat(64)),
  name: "web",
  share: ["ipc", "network", "uts"],
  hostname: "webhost",
  hasUserNamespace: false,
  hasCgroup: false,
};
const mode = { container: pod.id };
const member = (spec: Partial<ContainerSpec>, facts: Partial<PodFacts> = {}): ContainerSpec =>
  resolvePodMember({ image: "i", ...spec }, { ...pod, ...facts });

describe("resolvePodMember()", () => {
  test("gives a container the namespaces that the pod shares", () => {
    expect(member({})).toEqual({
      image: "i",
      pod: pod.id,
      network: { hostname: "webhost" },
      isolation: { namespaces: { network: mode, ipc: mode, uts: mode } },
    });
    expect(member({}, { share: ["pid"], hasUserNamespace: true }).isolation?.namespaces).toEqual({
      pid: mode,
      user: mode,
    });
    expect(member({ network: { hostname: "own" } }, { share: [] })).toEqual({
      image: "i",
      pod: pod.id,
      network: { hostname: "own" },
      isolation: { namespaces: {} },
    });
  });

  test("leaves those that are asked for by name", () => {
    const namespaces = { network: "none", ipc: "private", uts: "host", user: "private" } as const;
    expect(member({ isolation: { namespaces } }, { hasUserNamespace: true })).toEqual({
      image: "i",
      pod: pod.id,
      isolation: { namespaces },
    });
    const networks = [{ network: "own" }];
    const ports = [{ containerPort: 80 }];
    expect(member({ network: { networks, ports } })).toMatchObject({
      network: { networks, ports },
      isolation: { namespaces: { ipc: mode } },
    });
    expect(member({ network: { networks, ports } }).isolation?.namespaces?.network).toBeUndefined();
  });

  test.each<[Partial<ContainerSpec>, string]>([
    [{ network: { ports: [{ containerPort: 80 }] } }, "published ports belong"],
    [{ network: { publishAll: true } }, "published ports belong"],
    [{ network: { exposedPorts: ["80/tcp"] } }, "exposed ports belong"],
    [
      { network: { networks: [{ network: "bridge", ipv4: "10.0.0.1" }] } },
      "addresses, aliases and links belong",
    ],
    [{ network: { extraHosts: ["a:1.2.3.4"] } }, "extra hosts belong"],
    [{ network: { dns: ["1.1.1.1"] } }, "name servers belong"],
  ])("refuses what belongs to the pod's network: %j", (spec, words) => {
    expect(() => member(spec)).toThrow(
      `cannot create the container: ${words} to pod "web", whose network it shares: name it when the pod is made`,
    );
    expect(() => member(spec, { share: ["ipc"] })).not.toThrow();
  });

  test("refuses a host name where the pod's is shared", () => {
    expect(() => member({ network: { hostname: "own" } })).toThrow('a host name belongs to pod "web"');
  });
});

describe("resolveInfra()", () => {
  const infra = (spec: Parameters<typeof resolveInfra>[0]) =>
    resolveInfra(spec, { name: "web", image: "pause" });

  test("holds what is shared, under the pod's name", () => {
    expect(infra({})).toEqual({
      image: "pause",
      network: { hostname: "web" },
      isolation: { namespaces: { ipc: "shareable" } },
    });
    expect(infra({ share: [] })).toEqual({ image: "pause", isolation: { namespaces: { network: "none" } } });
    expect(infra({ share: ["network", "uts"], network: "host", user: "private", infraName: "mine" })).toEqual(
      { image: "pause", name: "mine", isolation: { namespaces: { network: "host", user: "private" } } },
    );
    expect(infra({ hostname: "h", labels: { a: "b" } })).toMatchObject({
      labels: { a: "b" },
      network: { hostname: "h" },
    });
  });

  test("is found by the pod's name in networks that have names", () => {
    const networks = [{ network: "bridge" }, { network: "own", aliases: ["w"] }];
    expect(infra({ networks }).network?.networks).toEqual([
      { network: "bridge" },
      { network: "own", aliases: ["w", "web"] },
    ]);
  });

  test("refuses a network that nobody shares, and namespaces that can't be shared", () => {
    expect(() => infra({ share: ["ipc"], ports: [{ containerPort: 80 }] })).toThrow("share net, too");
    expect(() => infra({ share: ["ipc"], network: "host" })).toThrow("share net, too");
    expect(() => resolveShare(["cgroup"])).toThrow(
      'cannot create the pod: it can\'t share the namespace "cgroup": want ipc, network, pid, uts',
    );
    expect(resolveShare(["uts", "ipc", "uts"])).toEqual(["ipc", "uts"]);
  });
});

test.each([
  [[], "created"],
  [["created", "created"], "created"],
  [["running", "running"], "running"],
  [["running", "exited"], "degraded"],
  [["running", "created"], "degraded"],
  [["running", "paused"], "degraded"],
  [["paused", "paused"], "paused"],
  [["paused", "created"], "degraded"],
  [["exited", "restarting"], "exited"],
  [["exited", "created"], "stopped"],
  [["dead", "created"], "error"],
] as const)("podStateOf(%j) is %j", (states, state) => {
  expect(podStateOf(states)).toBe(state);
});
