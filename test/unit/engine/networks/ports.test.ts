import { describe, expect, test } from "bun:test";
import { choosePorts, type PortFacts } from "../../../../src/engine/networks/choose-ports.ts";
import { exposedPortsOf, portsToPublish } from "../../../../src/engine/networks/exposed-ports.ts";
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

  test("gives no port that another one of the request needs", () => {
    const [first] = choosePorts([{ containerPort: 1 }], free);
    const next = (first?.hostPort ?? 0) + 1;
    const chosen = choosePorts(
      [
        { containerPort: 1 },
        { containerPort: 2, hostPort: next, lastHostPort: next + 5 },
        { containerPort: 3, hostPort: next },
        { containerPort: 4, count: 3 },
        { containerPort: 9, hostPort: next + 2 },
      ],
      free,
    );
    const found = Object.fromEntries(chosen.map(({ containerPort, hostPort }) => [containerPort, hostPort]));
    expect(found).toMatchObject({ 2: next + 1, 3: next, 9: next + 2 });
    expect(found[1]).toBeGreaterThan(next + 2);
    expect(found[4]).toBeGreaterThan(next + 2);
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

  test("gives a range without a wish ports in a row, past those that somebody has, asking once for each", () => {
    let asked = 0;
    const findHolder: PortFacts["findHolder"] = ({ hostPort, count }) => {
      asked++;
      const held = [33_000, 40_000, 50_000].find((port) => port >= hostPort && port < hostPort + count);
      return held === undefined ? undefined : { port: held };
    };
    const chosen = choosePorts([{ containerPort: 1000, count: 9000 }], { ...free, findHolder });
    expect(chosen).toMatchObject([{ containerPort: 1000, count: 9000 }]);
    expect(asked).toBeLessThan(6);
  });

  test("gives a range in pieces where so many are not free in a row", () => {
    const findHolder: PortFacts["findHolder"] = ({ hostPort, count }) => {
      const held = Math.ceil(hostPort / 100) * 100;
      return held < hostPort + count ? { port: held } : undefined;
    };
    const chosen = choosePorts([{ containerPort: 1, count: 250 }], { ...free, findHolder });
    expect(chosen.map(({ count }) => count).reduce((one, other) => one + other)).toBe(250);
    expect(chosen.length).toBeLessThan(6);
    expect(
      chosen
        .flatMap(({ containerPort, count }) => Array.from({ length: count }, (_, at) => containerPort + at))
        .sort((one, other) => one - other),
    ).toEqual(Array.from({ length: 250 }, (_, at) => at + 1));
  });

  test("says that no port is free where none is", () => {
    const facts: PortFacts = { ...free, findHolder: ({ hostPort }) => ({ port: hostPort }) };
    expect(() => choosePorts([{ containerPort: 80, count: 2 }], facts)).toThrow(
      "no port of the host's is free",
    );
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
    const spec = {
      image: "x",
      network: { exposedPorts: ["53/udp"], ports: [{ containerPort: 80, count: 2 }] },
    };
    expect(exposedPortsOf(spec, ["80", "443/tcp"])).toEqual(["80/tcp", "443/tcp", "53/udp", "80-81/tcp"]);
  });

  test("publishAll publishes each once, a range as one", () => {
    const spec = {
      image: "x",
      network: { publishAll: true, exposedPorts: ["5000-5999/udp", "5001/udp", "80/tcp"] },
    };
    expect(portsToPublish(spec, ["5998-6000/udp", "80"])).toEqual([
      { protocol: "tcp", containerPort: 80 },
      { protocol: "udp", containerPort: 5000, count: 1001 },
    ]);
  });

  test("publishAll publishes each that was not asked for", () => {
    const spec = {
      image: "x",
      network: { publishAll: true, ports: [{ containerPort: 80, hostPort: 8080 }] },
    };
    expect(portsToPublish(spec, ["79-81/tcp", "nonsense"])).toEqual([
      { containerPort: 80, hostPort: 8080 },
      { protocol: "tcp", containerPort: 79 },
      { protocol: "tcp", containerPort: 81 },
    ]);
  });
});
