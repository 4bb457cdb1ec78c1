import { describe, expect, test } from "bun:test";
import { choosePorts, type PortFacts } from "../../../../src/engine/networks/choose-ports.ts";
import {
  exposedPortsOf,
  parsePortRun,
  portsToPublish,
} from "../../../../src/engine/networks/exposed-ports.ts";
import { removePorts } from "../../../../src/engine/networks/remove-ports.ts";
import { parseIpAddress } from "../../../../src/spec/ip-address.ts";

const free: PortFacts = { others: [], findHolder: () => undefined };

describe("choosePorts()", () => {
  test("joins neighbours that run in parallel to one run", () => {
    const specs = [8000, 8001, 8002].map((port) => ({ containerPort: port, hostPort: port }));
    expect(choosePorts(specs, free)).toEqual([
      { protocol: "tcp", hostPort: 8000, containerPort: 8000, count: 3 },
    ]);
  });

  test("takes the first free one of a range", () => {
    const facts: PortFacts = {
      ...free,
      findHolder: ({ hostPort }) => (hostPort < 8002 ? { port: hostPort } : undefined),
    };
    expect(choosePorts([{ containerPort: 80, hostPort: 8000, lastHostPort: 8010 }], facts)).toMatchObject([
      { hostPort: 8002, containerPort: 80 },
    ]);
  });

  test("never gives the same one twice where the number is its choice", () => {
    const chosen = choosePorts(
      [{ containerPort: 1 }, { containerPort: 2 }, { containerPort: 3, count: 5 }],
      free,
    );
    const all = chosen.flatMap(({ hostPort, count }) =>
      Array.from({ length: count }, (_, at) => hostPort + at),
    );
    expect(new Set(all).size).toBe(7);
  });

  test.each([
    [
      { containerPort: 80, hostPort: 8080 },
      'port 0.0.0.0:8080/tcp: port is already allocated: container "other" has it',
    ],
    [
      { containerPort: 80, hostPort: 8081, hostAddress: "127.0.0.1" },
      "port 127.0.0.1:8081/tcp: address already in use",
    ],
    [{ containerPort: 80, hostPort: 65_535, count: 2 }, "past 65535"],
  ])("%j is refused", (spec, sentence) => {
    const facts: PortFacts = {
      others: [
        {
          name: "other",
          ports: {
            protocol: "tcp",
            hostAddress: parseIpAddress("127.0.0.1"),
            hostPort: 8080,
            containerPort: 1,
            count: 1,
          },
        },
      ],
      findHolder: ({ hostPort }) => (hostPort === 8081 ? { port: 8081 } : undefined),
    };
    expect(() => choosePorts([spec], facts)).toThrow(sentence);
  });

  test("another protocol or another address is no clash", () => {
    const other = {
      protocol: "tcp",
      hostAddress: parseIpAddress("10.0.0.1"),
      hostPort: 80,
      containerPort: 1,
      count: 1,
    } as const;
    const facts: PortFacts = { ...free, others: [{ name: "o", ports: other }] };
    expect(choosePorts([{ protocol: "udp", containerPort: 80, hostPort: 80 }], facts)).toHaveLength(1);
    expect(choosePorts([{ containerPort: 80, hostPort: 80, hostAddress: "10.0.0.2" }], facts)).toHaveLength(
      1,
    );
  });

  test("what is asked for twice is refused", () => {
    expect(() =>
      choosePorts(
        [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 81, hostPort: 8080 },
        ],
        free,
      ),
    ).toThrow("it is asked for twice");
  });
});

describe("removePorts()", () => {
  const run = { protocol: "tcp", hostPort: 8000, containerPort: 80, count: 10 };

  test.each([
    [{ hostPort: 8000 }, [{ ...run, hostPort: 8001, containerPort: 81, count: 9 }]],
    [{ hostPort: 8009 }, [{ ...run, count: 9 }]],
    [
      { hostPort: 8003, count: 4 },
      [
        { ...run, count: 3 },
        { ...run, hostPort: 8007, containerPort: 87, count: 3 },
      ],
    ],
    [{ hostPort: 7000, count: 5000 }, []],
  ])("cuts %j out", (wish, left) => {
    expect(removePorts([run], [wish])).toEqual({ ports: left, missing: [] });
  });

  test.each([
    { hostPort: 8010 },
    { hostPort: 8000, protocol: "udp" as const },
    { hostPort: 8000, hostAddress: "127.0.0.1" },
  ])("%j is about none of them", (wish) => {
    expect(removePorts([run], [wish])).toEqual({ ports: [run], missing: [wish] });
  });
});

describe("exposed ports", () => {
  test("are those of the image, of the container and of what is published", () => {
    const spec = { image: "x", exposedPorts: ["53/udp"], ports: [{ containerPort: 80, count: 2 }] };
    expect(exposedPortsOf(spec, ["80", "443/tcp"])).toEqual(["80/tcp", "443/tcp", "53/udp", "80-81/tcp"]);
  });

  test("publishAll publishes each that was not asked for", () => {
    const spec = { image: "x", publishAll: true, ports: [{ containerPort: 80, hostPort: 8080 }] };
    expect(portsToPublish(spec, ["79-81/tcp", "nonsense"])).toEqual([
      { containerPort: 80, hostPort: 8080 },
      { protocol: "tcp", containerPort: 79 },
      { protocol: "tcp", containerPort: 81 },
    ]);
  });

  test.each(["", "x", "0/tcp", "2-1/tcp", "70000/tcp", "80/icmp"])("%p is no port", (text) => {
    expect(parsePortRun(text)).toBeUndefined();
  });
});
