import type { HealthConfig } from "../../api/types/container-config.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";

const second = 1_000_000_000;

/**
 * A liveness probe as a health check. Connections are made in the container: by its curl (httpGet), or its nc
 * (tcpSocket).
 */
export function planProbe(probe: FieldReader, ports: ReadonlyMap<string, number>): HealthConfig {
  const words = testOf(probe, ports);
  probe.skip("successThreshold", "terminationGracePeriodSeconds");
  return {
    Test: words,
    StartPeriod: (probe.integer("initialDelaySeconds") ?? 0) * second,
    Interval: (probe.integer("periodSeconds") ?? 10) * second,
    Timeout: (probe.integer("timeoutSeconds") ?? 1) * second,
    Retries: probe.integer("failureThreshold") ?? 3,
  };
}

function testOf(probe: FieldReader, ports: ReadonlyMap<string, number>): readonly string[] {
  const command = probe.object("exec")?.texts("command");
  if (command !== undefined) return ["CMD", ...command];
  const http = probe.object("httpGet");
  if (http !== undefined) {
    const scheme = (http.text("scheme") ?? "HTTP").toLowerCase();
    const host = http.text("host") ?? "localhost";
    const path = http.text("path") ?? "/";
    const headers = http
      .objects("httpHeaders")
      .flatMap((each) => ["-H", `${each.required("name")}: ${each.text("value") ?? ""}`]);
    const url = `${scheme}://${host}:${portOf(http, ports)}${path.startsWith("/") ? path : `/${path}`}`;
    return ["CMD", "curl", "-sfL", "-o", "/dev/null", ...headers, "--", url];
  }
  const tcp = probe.object("tcpSocket");
  if (tcp !== undefined)
    return ["CMD", "nc", "-z", "-v", tcp.text("host") ?? "localhost", portOf(tcp, ports)];
  throw probe.refused("exec", "the probe is neither exec, httpGet nor tcpSocket");
}

/** A number, or the name of one of the container's ports. */
function portOf(action: FieldReader, ports: ReadonlyMap<string, number>): string {
  const given = action.scalar("port") ?? "";
  const port = ports.get(given) ?? Number(given);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw action.refused("port", `"${given}" is no port`);
  return String(port);
}
