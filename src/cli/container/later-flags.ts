import type { FlagTable } from "../flags/flag.ts";
import { bool, duration, int, later, list, string } from "../flags/kinds.ts";

/** What `docker run` has and Tare understands, but can't do yet: giving one is refused by name. */
export const laterFlags: FlagTable = {
  "disable-content-trust": bool("Skip image verification", { initial: true, isHidden: true }),
  dns: later(list("Set custom DNS servers")),
  "dns-option": later(list("Set DNS options", { also: ["dns-opt"] })),
  "dns-search": later(list("Set custom DNS search domains")),
  expose: later(list("Expose a port or a range of ports")),
  gpus: later(
    string("GPU devices to add to the container ('all' to pass all GPUs)", { type: "gpu-request" }),
  ),
  "health-cmd": later(string("Command to run to check health")),
  "health-interval": later(duration("Time between running the check (ms|s|m|h)"), "0"),
  "health-retries": later(int("Consecutive failures needed to report unhealthy"), "0"),
  "health-start-interval": later(
    duration("Time between running the check during the start period (ms|s|m|h)"),
    "0",
  ),
  "health-start-period": later(
    duration(
      "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
    ),
    "0",
  ),
  "health-timeout": later(duration("Maximum time to allow one check to run (ms|s|m|h)"), "0"),
  ip: later(string("IPv4 address (e.g., 172.30.100.104)")),
  ip6: later(string("IPv6 address (e.g., 2001:db8::33)")),
  link: later(list("Add link to another container")),
  "link-local-ip": later(list("Container IPv4/IPv6 link-local addresses")),
  "log-driver": later(string("Logging driver for the container"), "json-file"),
  "log-opt": later(list("Log driver options")),
  "mac-address": later(string("Container MAC address (e.g., 92:d0:c6:0a:29:33)")),
  "network-alias": later(list("Add network-scoped alias for the container", { also: ["net-alias"] })),
  publish: later(list("Publish a container's port(s) to the host", { short: "p" })),
  "publish-all": later(bool("Publish all exposed ports to random ports", { short: "P" }), "false"),
};
