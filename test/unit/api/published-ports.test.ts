import { describe, expect, test } from "bun:test";
import { parseContainerSpec } from "../../../src/api/container/parse-spec.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";
import { formatPortBindings, parseExposed, parsePorts } from "../../../src/api/container/published-ports.ts";
import { spellOutHostConfig, spellOutRequest } from "../../../src/api/container/spell-out-request.ts";
import type { PortBinding } from "../../../src/api/types/host-config.ts";

type Bindings = Readonly<Record<string, readonly PortBinding[]>>;

/** As Docker's clients send a range. */
function each(first: number, count: number, bind: (port: number) => readonly PortBinding[]): Bindings {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`${first + at}/tcp`, bind(first + at)] as const),
  );
}

const at = (shift: number) => (port: number) => ({ HostIp: "", HostPort: String(port + shift) });

describe("parsePorts()", () => {
  test("makes one of a range, whether it is sent whole or port by port", () => {
    const whole = { "20000-20999/tcp": [{ HostIp: "", HostPort: "30000-30999" }] };
    const wanted = [{ protocol: "tcp", containerPort: 20_000, count: 1000, hostPort: 30_000 }] as const;
    expect(parsePorts({ PortBindings: whole })).toEqual(wanted);
    const split = each(20_000, 1000, (port) => [at(10_000)(port)]);
    expect(parsePorts({ PortBindings: split })).toEqual(wanted);
    expect(formatPortBindings(wanted)).toEqual(split);
  });

  test("makes one of a range that may be anywhere on the host", () => {
    const wanted = [{ protocol: "tcp", containerPort: 80, count: 3 }] as const;
    expect(parsePorts({ PortBindings: { "80-82/tcp": [{ HostPort: "" }] } })).toEqual(wanted);
    expect(parsePorts({ PortBindings: each(80, 3, () => []) })).toEqual(wanted);
  });

  test("keeps apart what is published twice, a range each", () => {
    const split = each(80, 3, (port) => [at(8000)(port), at(9000)(port)]);
    expect(parsePorts({ PortBindings: split })).toEqual([
      { protocol: "tcp", containerPort: 80, count: 3, hostPort: 8080 },
      { protocol: "tcp", containerPort: 80, count: 3, hostPort: 9080 },
    ]);
  });

  test("does not join what may be one of several", () => {
    const several = each(80, 2, () => [{ HostPort: "8000-8010" }]);
    expect(parsePorts({ PortBindings: several })).toHaveLength(2);
  });
});

test("parseExposed() joins neighbours", () => {
  const ports = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`${at + 1}/udp`, {}]));
  expect(parseExposed({ ExposedPorts: { ...ports, "80": {} } })).toEqual(["1-1000/udp", "80/tcp"]);
});

test("parseContainerSpec() remembers ports once, not as they came too", () => {
  const body = {
    Image: "x",
    ExposedPorts: { "80/tcp": {}, "81/tcp": {} },
    HostConfig: { PortBindings: each(80, 2, (port) => [at(0)(port)]) },
  };
  const { received, network: { ports, exposedPorts } = {} } = parseContainerSpec(
    parseCreateRequest(body),
    undefined,
  );
  expect(exposedPorts).toEqual(["80-81/tcp"]);
  expect(ports).toHaveLength(1);
  expect(received?.config).not.toHaveProperty("ExposedPorts");
  expect(received?.hostConfig).not.toHaveProperty("PortBindings");
});

describe("spellOutRequest()", () => {
  test("writes a port at a time, as Docker's own clients do", () => {
    const request = {
      Image: "x",
      ExposedPorts: { "80-81/tcp": {}, "53/udp": {} },
      HostConfig: {
        AutoRemove: true,
        PortBindings: {
          "80-81/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080-8081" }, { HostPort: "" }],
          "53/udp": [{ HostIp: "", HostPort: "5300-5310" }],
          nonsense: null,
        },
      },
    };
    expect(spellOutRequest(request)).toEqual({
      Image: "x",
      ExposedPorts: { "80/tcp": {}, "81/tcp": {}, "53/udp": {} },
      HostConfig: {
        AutoRemove: true,
        PortBindings: {
          "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }, { HostPort: "" }],
          "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "8081" }, { HostPort: "" }],
          "53/udp": [{ HostIp: "", HostPort: "5300-5310" }],
          nonsense: [],
        },
      },
    } as unknown as typeof request);
  });

  test("leaves a request without ports as it is", () => {
    const request = { Image: "x", HostConfig: { Memory: 1 } };
    expect(spellOutRequest(request)).toEqual(request);
    expect(spellOutRequest({})).toEqual({});
  });

  test("of an update, too", () => {
    const Tare = { PublishAdd: { "80-81/tcp": [{ HostPort: "8080-8081" }] }, PublishRemove: ["1-2"] };
    expect(spellOutHostConfig({ Memory: 1, Tare })).toEqual({
      Memory: 1,
      Tare: {
        PublishAdd: { "80/tcp": [{ HostPort: "8080" }], "81/tcp": [{ HostPort: "8081" }] },
        PublishRemove: ["1-2"],
      },
    });
  });
});
