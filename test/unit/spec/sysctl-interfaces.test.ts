import { expect, test } from "bun:test";
import { areOfInterfaces } from "../../../src/spec/sysctl.ts";

test.each([
  [{}, false],
  [{ "net.ipv4.ping_group_range": "0 1", "net.ipv4.ip_unprivileged_port_start": "0" }, false],
  [{ "kernel.shmmax": "1" }, false],
  [{ "net.ipv4.conf.eth0.rp_filter": "1" }, true],
  [{ "net/ipv6/conf/default/disable_ipv6": "0", "kernel.shmmax": "1" }, true],
])("areOfInterfaces() of %j is %p", (sysctls, expected) => {
  expect(areOfInterfaces(sysctls)).toBe(expected);
});
