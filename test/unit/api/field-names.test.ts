import { describe, expect, test } from "bun:test";
import { parseCommitConfig } from "../../../src/api/image/commit-request.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";
import { parseDescriptorRequest } from "../../../src/api/container/descriptor-request.ts";
import { parseExecCreate, parseExecStart } from "../../../src/api/container/exec-request.ts";
import {
  parseManifestAnnotation,
  parseManifestListRequest,
} from "../../../src/api/image/manifest-request.ts";
import { parseJsonBody } from "../../../src/api/http/json-body.ts";
import {
  parseConnectRequest,
  parseDisconnectRequest,
  parseNetworkRequest,
} from "../../../src/api/network/network-request.ts";
import {
  parseCommandRequest,
  parseFastPathExec,
  parseFastPathLogs,
  parseFastPathRun,
} from "../../../src/api/container/fast-path-request.ts";
import { parsePodSpec } from "../../../src/api/pod/pod-request.ts";
import { parseLoginRequest } from "../../../src/api/image/registry-auth.ts";
import { endpointSchemas } from "../../../src/api/network/endpoint-schemas.ts";
import { configSchemas, hostConfigSchemas } from "../../../src/api/container/create-schemas.ts";
import { type FieldSchema, type FieldSchemas, readFields } from "../../../src/api/http/field-schemas.ts";
import { routes } from "../../../src/api/http/routes.ts";
import { parseSecretRequest } from "../../../src/api/secret/secret-request.ts";
import { parseUpdateRequest } from "../../../src/api/container/update-request.ts";
import { maximumVersion } from "../../../src/api/http/version.ts";
import { parseVolumeRequest } from "../../../src/api/volume/volume-request.ts";
import { randomOf } from "../../support/random.ts";

/** An object whose keys are names of their own, not fields: they keep their case. */
class Keys {
  readonly members: Readonly<Record<string, unknown>>;
  constructor(members: Readonly<Record<string, unknown>>) {
    this.members = members;
  }
}
const keys = (members: Readonly<Record<string, unknown>>): Keys => new Keys(members);

const labels = keys({ Com: "1", com: "2", __proto: "3", constructor: "4" });
const endpoint = {
  IPAMConfig: { IPv4Address: "10.0.0.2", LinkLocalIPs: ["169.254.1.1"] },
  Aliases: ["Web"],
  DriverOpts: keys({ "Com.X": "1", "com.x": "2" }),
};
const hostConfig = {
  Memory: 64 * 1024 * 1024,
  Binds: ["/A:/B"],
  PortBindings: keys({ "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }], "81/TCP": null }),
  RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 },
  Tmpfs: keys({ "/Tmp": "size=1m", "/tmp": "" }),
  Sysctls: keys({ "net.ipv4.ip_forward": "1", "NET.ipv4": "2" }),
  Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
  Mounts: [
    {
      Type: "volume",
      Source: "V",
      Target: "/V",
      VolumeOptions: {
        NoCopy: true,
        Labels: labels,
        DriverConfig: { Name: "local", Options: keys({ O: "o" }) },
      },
    },
  ],
  Tare: { Umask: "0027", CgroupConf: keys({ "memory.high": "1", "Memory.high": "2" }) },
};
const config = {
  Image: "busybox",
  Cmd: ["Echo"],
  Env: ["a=1", "A=2"],
  Labels: labels,
  ExposedPorts: keys({ "80/tcp": {}, "90/UDP": {} }),
  Volumes: keys({ "/Data": {}, "/data": {} }),
};

/** What reads the body of each operation, and a body for it. */
const bodies: Readonly<Record<string, readonly [read: (body: unknown) => unknown, body: object]>> = {
  "containers.create": [
    parseCreateRequest,
    {
      ...config,
      HostConfig: hostConfig,
      NetworkingConfig: { EndpointsConfig: keys({ Net: endpoint, net: { ...endpoint, GwPriority: 3 } }) },
    },
  ],
  "containers.update": [
    (body) => parseUpdateRequest(body, maximumVersion),
    {
      Memory: 1e8,
      RestartPolicy: { Name: "always" },
      Tare: { PublishAdd: keys({ "80/tcp": [{ HostPort: "81" }] }), PublishRemove: ["8081"] },
    },
  ],
  "exec.create": [parseExecCreate, { Cmd: ["true"], AttachStdout: true, Env: ["A=1"], ConsoleSize: [1, 2] }],
  "exec.start": [parseExecStart, { Detach: true, Tty: false, ConsoleSize: [1, 2] }],
  "containers.commit": [parseCommitConfig, config],
  "system.login": [parseLoginRequest, { username: "U", password: "P", serveraddress: "Host:5000" }],
  "networks.create": [
    parseNetworkRequest,
    {
      Name: "N",
      IPAM: {
        Config: [{ Subnet: "10.0.0.0/24", AuxiliaryAddresses: keys({ Host: "10.0.0.9", host: "10.0.0.8" }) }],
        Options: keys({ A: "1", a: "2" }),
      },
      EnableIPv6: true,
      Options: keys({ "com.docker.X": "1" }),
      Labels: labels,
    },
  ],
  "networks.connect": [parseConnectRequest, { Container: "C", EndpointConfig: endpoint }],
  "networks.disconnect": [parseDisconnectRequest, { Container: "C", Force: true }],
  "volumes.create": [
    parseVolumeRequest,
    { Name: "V", Driver: "local", DriverOpts: keys({ Type: "tmpfs", type: "x" }), Labels: labels },
  ],
  "manifests.create": [parseManifestListRequest, { Name: "N", Manifests: ["A"], Amend: true }],
  "manifests.annotate": [parseManifestAnnotation, { Manifest: "A", Os: "linux", OsFeatures: ["F"] }],
  "secrets.create": [parseSecretRequest, { Name: "S", Data: "QQ==", Labels: labels }],
  "pods.create": [
    parsePodSpec,
    { Name: "P", Labels: labels, Share: ["net"], HostConfig: { Dns: ["1.1.1.1"] }, Hostname: "H" },
  ],
  "tare.run": [
    (body) => parseFastPathRun(body, "B"),
    { Build: "B", Words: ["run", "--rm", "busybox", "echo", "A"] },
  ],
  "tare.exec": [
    (body) => parseFastPathExec(body, "B"),
    { Build: "B", Words: ["-i", "-e", "A=b", "web", "echo", "A"] },
  ],
  "tare.logs": [(body) => parseFastPathLogs(body, "B"), { Build: "B", Words: ["-t", "web"] }],
  "tare.command": [
    (body) => parseCommandRequest(body, "B"),
    { Build: "B", Words: ["ps", "-a"], Columns: 80 },
  ],
  "tare.descriptors": [parseDescriptorRequest, { Targets: [3] }],
};

/** The body with the case of each field's name changed by `change`. */
function rename(value: unknown, change: (name: string) => string): unknown {
  if (value instanceof Keys) {
    return Object.fromEntries(
      Object.entries(value.members).map(([key, item]) => [key, rename(item, change)]),
    );
  }
  if (Array.isArray(value)) return value.map((item: unknown) => rename(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), rename(item, change)]));
}

/** As a client sends it. */
function sent(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body));
}

describe("names of fields", () => {
  test("every operation with a JSON body is among these", () => {
    const operations = routes.filter((route) => route.body === "json").map((route) => route.operation);
    expect(Object.keys(bodies).toSorted()).toEqual([...new Set<string>(operations)].toSorted());
  });

  for (const [operation, [read, body]] of Object.entries(bodies)) {
    test(`of ${operation} match without case; keys of maps keep theirs`, () => {
      const wanted = read(sent(rename(body, (name) => name)));
      expect(read(sent(rename(body, (name) => name.toLowerCase())))).toEqual(wanted);
      expect(read(sent(rename(body, (name) => name.toUpperCase())))).toEqual(wanted);
      const random = randomOf(7);
      const mixed = (name: string): string =>
        [...name].map((letter) => (random(2) === 0 ? letter.toLowerCase() : letter.toUpperCase())).join("");
      for (let run = 0; run < 100; run++) expect(read(sent(rename(body, mixed)))).toEqual(wanted);
    });
  }

  test("are fields, keys of maps are not: these keep their case, whatever the map holds", () => {
    const labels = { Com: "1", com: "2" };
    const ports = {
      "80/tcp": [{ HostIp: "", HostPort: "8080" }],
      "80/TCP": [{ HostPort: "1" }],
      "1/Udp": null,
    };
    expect(readFields({ portbindings: ports, SYSCTLS: labels }, hostConfigSchemas, "")).toEqual({
      PortBindings: ports,
      Sysctls: labels,
    });
    const set = { "/Data": {}, "/data": {} };
    expect(readFields({ volumes: set, labels }, configSchemas, "")).toEqual({ Volumes: set, Labels: labels });
    const schemas: FieldSchemas = { Networks: { map: { Alias: "text" } } };
    expect(readFields({ networks: { Net: { ALIAS: "1" }, net: null } }, schemas, "")).toEqual({
      Networks: { Net: { Alias: "1" }, net: {} },
    });
  });

  test("no two of one object differ in case alone", () => {
    const check = (schemas: FieldSchemas): void => {
      const names = Object.keys(schemas);
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      for (const schema of Object.values<FieldSchema>(schemas)) {
        if (typeof schema === "object") Object.values(schema).forEach(check);
      }
    };
    [configSchemas, hostConfigSchemas, endpointSchemas].forEach(check);
  });

  test("fold the long s and the Kelvin sign, as Go does, and no other letter", () => {
    const schemas: FieldSchemas = { Sysctls: "text", Kind: "text" };
    expect(readFields({ "\u017fy\u017fctl\u017f": "1", "\u212aind": "2" }, schemas, "")).toEqual({
      Sysctls: "1",
      Kind: "2",
    });
    expect(readFields({ "K\u0131nd": "1", "K\u0130nd": "2" }, schemas, "")).toEqual({});
  });
});

describe("a name that comes twice", () => {
  const read = (text: string) => readFields(parseJsonBody(Buffer.from(text)), hostConfigSchemas, "");

  test.each([
    ['{"Memory":1,"memory":2}', { Memory: 2 }],
    ['{"memory":2,"Memory":1}', { Memory: 1 }],
    ['{"MEMORY":3,"memory":2,"Memory":1}', { Memory: 1 }],
    ['{"Memory":1,"memory":null}', { Memory: 1 }],
    ['{"Memory":1,"Memory":2}', { Memory: 2 }],
    ['{"Memory":1,"memory":2,"Memory":3}', { Memory: 3 }],
    ['{"Memory":1,"Memory":null}', { Memory: 1 }],
    ['{"Binds":["/a:/b"],"binds":["/c:/d"],"Binds":["/e:/f"]}', { Binds: ["/e:/f"] }],
    ['{"Binds":["/a:/b"],"Binds":null}', {}],
    [
      '{"Tmpfs":{"/a":"1","/b":"1","/b":"2"},"Tmpfs":{"/c":"3"}}',
      { Tmpfs: { "/a": "1", "/b": "2", "/c": "3" } },
    ],
    [
      ' { "RestartPolicy" : { "Name" : "al\\"ways" } , "Binds":[ ], "RestartPolicy":{"MaximumRetryCount":-2e0}, "Memory":1 } ',
      { RestartPolicy: { Name: 'al"ways', MaximumRetryCount: -2 }, Binds: [], Memory: 1 },
    ],
    ['{"Binds":["/a:/b"],"binds":["/c:/d"]}', { Binds: ["/c:/d"] }],
    ['{"Binds":["/a:/b"],"binds":null}', {}],
    ['{"Tmpfs":{"/a":"1","/b":"1"},"tmpfs":{"/b":"2"}}', { Tmpfs: { "/a": "1", "/b": "2" } }],
    [
      '{"RestartPolicy":{"Name":"always"},"restartpolicy":{"MAXIMUMRETRYCOUNT":2}}',
      { RestartPolicy: { Name: "always", MaximumRetryCount: 2 } },
    ],
  ])("%s is read as Go reads it", (text, wanted) => {
    expect(read(text)).toEqual(wanted);
  });

  test("is checked each time", () => {
    expect(() => read('{"memory":"much","Memory":1}')).toThrow("invalid JSON: Memory must be a whole number");
    expect(() => read('{"Memory":"much","Memory":1}')).toThrow("invalid JSON: Memory must be a whole number");
  });

  test("may come a thousand times", () => {
    const times = (count: number): string => `{${Array(count).fill('"Memory":1').join()}}`;
    expect(read(times(1001))).toEqual({ Memory: 1 });
    expect(() => read(times(1002))).toThrow(
      "cannot read the request: it repeats names of fields 1001 times, at most 1000 are allowed",
    );
  });

  test("of any name, is read as JSON.parse() reads it where nothing looks for more", () => {
    const texts = [
      '[{"a":[{},[],"\\u00e9\\\\",true,null,-1.5e3],"":{"x":1,"x":2}}]',
      '{"__proto__":1,"__proto__":[2]}',
    ];
    for (const text of texts) expect(parseJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
  });
});

describe("hostile names", () => {
  const hostile = '{"__proto__":{"Memory":1},"constructor":{"Memory":2},"toString":3,"hasOwnProperty":4}';

  test("are no fields", () => {
    const fields = readFields(JSON.parse(hostile), hostConfigSchemas, "");
    expect(Object.keys(fields)).toEqual([]);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(fields["Memory"]).toBeUndefined();
  });

  test("are keys of maps as any other, and change no object's prototype", () => {
    const text = '{"Labels":{"__proto__":"p","constructor":"c"},"labels":{"__proto__":"q"}}';
    const { Labels } = readFields(JSON.parse(text), configSchemas, "") as {
      readonly Labels: Readonly<Record<string, string>>;
    };
    expect(JSON.stringify(Labels)).toBe('{"__proto__":"q","constructor":"c"}');
    expect(Object.getPrototypeOf(Labels)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
    const networks = '{"__proto__":{"Aliases":["a"]},"constructor":null}';
    const { networkingConfig } = parseCreateRequest(
      JSON.parse(`{"Image":"x","NetworkingConfig":{"endpointsconfig":${networks}}}`),
    );
    expect(JSON.stringify(networkingConfig.EndpointsConfig)).toBe(
      '{"__proto__":{"Aliases":["a"]},"constructor":{}}',
    );
  });
});
