import { expect, test } from "bun:test";
import { fitsPrewarmedNetwork } from "../../../../src/engine/prewarm/fits-network.ts";

const usual = {
  network: undefined,
  hasUserNamespace: false,
  sysctls: { "net.ipv4.ping_group_range": "0 2147483647", "kernel.msgmax": "8192" },
};

test.each<[string, Partial<Parameters<typeof fitsPrewarmedNetwork>[0]>, boolean]>([
  ["networks", {}, true],
  ["no network", { network: "none" }, true],
  ["the host's network", { network: "host" }, false],
  ["another container's network", { network: { container: "web" } }, false],
  ["a user namespace", { hasUserNamespace: true }, false],
  ["parameters of interfaces", { sysctls: { "net.ipv4.conf.all.forwarding": "1" } }, false],
])("fitsPrewarmedNetwork() decides for a container with %s", (_, container, fits) => {
  expect(fitsPrewarmedNetwork({ ...usual, ...container })).toBe(fits);
});
