import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const web = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { COLOR: green, index.html: "served\\n" }
---
apiVersion: v1
kind: Secret
metadata: { name: keys }
stringData: { token: hunter2, user: "admin" }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: kept }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: { disk: ssd }
      hostAliases: [{ ip: 10.1.2.3, hostnames: [db] }]
      initContainers:
        - name: first
          image: busybox
          command: [sh, -c, "echo made > /shared/first"]
          volumeMounts: [{ name: shared, mountPath: /shared }]
      containers:
        - name: server
          image: busybox
          command: [httpd, -f, -p, "80", -h, /www]
          ports: [{ containerPort: 80, name: http }]
          livenessProbe: { exec: { command: [test, -f, /www/index.html] }, periodSeconds: 1 }
          lifecycle: { preStop: { exec: { command: ["true"] } } }
          resources: { limits: { memory: 64Mi, cpu: 500m }, requests: { cpu: 250m } }
          volumeMounts:
            - { name: pages, mountPath: /www }
            - { name: data, mountPath: /data }
        - name: tools
          image: busybox
          command: [sh, -c, "echo started $(POD) $(COLOR) '$$(COLOR)' > /shared/second; exec sleep 1000"]
          env:
            - { name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: LIMIT, valueFrom: { resourceFieldRef: { resource: limits.memory, divisor: 1Mi } } }
            - { name: TOKEN, valueFrom: { secretKeyRef: { name: keys, key: token } } }
          envFrom: [{ configMapRef: { name: settings } }]
          securityContext: { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
          resources: { limits: { memory: 32Mi } }
          volumeMounts:
            - { name: shared, mountPath: /shared }
            - { name: secrets, mountPath: /keys, readOnly: true }
      volumes:
        - { name: shared, emptyDir: {} }
        - { name: pages, configMap: { name: settings, items: [{ key: index.html, path: index.html }] } }
        - { name: secrets, secret: { secretName: keys, defaultMode: 0444 } }
        - { name: data, persistentVolumeClaim: { claimName: kept } }
`;

describe.skipIf(!isRoot)("tare kube", () => {
  let tare: Installation;
  let file: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    mkdirSync(join(tare.directory, "files"));
    file = write("web.yaml", web);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  function write(name: string, text: string): string {
    const path = join(tare.directory, "files", name);
    writeFileSync(path, text);
    return path;
  }

  const exec = (...words: readonly string[]): Promise<string> => tare.must(["exec", ...words]);

  test("play makes what the file says, and prints what it ignores", async () => {
    const { stdout, stderr, status } = await tare.tare(["kube", "play", file]);
    expect(stderr).toBe(
      "WARNING: Deployment web runs once, not 2 times\nWARNING: Deployment web.spec.template.spec.containers[0].lifecycle is ignored: it is not supported\n",
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Volumes:\nkept\n\nPod:\n[0-9a-f]{64}\nContainers:\n([0-9a-f]{64}\n){3}\n$/);
    expect(await tare.must(["pod", "ls", "--format", "{{.Name}} {{.Status}}"])).toMatch(
      /^web-pod (Running|Degraded)$/,
    );
    // The second is written by user 1000.
    const shared = await poll(
      async () => {
        const text = await exec("web-pod-tools", "cat", "/shared/first", "/shared/second").catch(() => "");
        return text === "" ? undefined : text;
      },
      { timeoutMs: 10_000, what: "files of the pod" },
    );
    expect(shared).toBe("made\nstarted web-pod green $(COLOR)");
  });

  test("its containers have variables, files, limits, users and each other's network", async () => {
    expect(await exec("web-pod-tools", "wget", "-qO-", "http://localhost/")).toBe("served");
    const variables = await exec("web-pod-tools", "env");
    for (const line of ["POD=web-pod", "COLOR=green", "TOKEN=hunter2", "LIMIT=32"])
      expect(variables.split("\n")).toContain(line);
    expect(await exec("web-pod-tools", "cat", "/keys/token", "/keys/user")).toBe("hunter2admin");
    expect(await exec("web-pod-tools", "id", "-u")).toBe("1000");
    expect(await exec("web-pod-tools", "id", "-g")).toBe("2000");
    expect(await exec("web-pod-tools", "grep", "db", "/etc/hosts")).toMatch(/^10\.1\.2\.3\s+db$/);
    expect((await tare.tare(["exec", "web-pod-tools", "touch", "/x"])).status).toBe(1);
    const limits =
      "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.RestartPolicy.Name}}";
    expect(await tare.must(["inspect", "-f", limits, "web-pod-server"])).toBe(
      "67108864 500000000 256 always",
    );
    const inspected = await tare.must(["inspect", "web-pod-tools"]);
    expect(inspected).not.toContain("hunter2");
    const health = (): Promise<string> =>
      tare.must(["inspect", "-f", "{{.State.Health.Status}}", "web-pod-server"]);
    await poll(async () => ((await health()) === "healthy" ? true : undefined), {
      timeoutMs: 20_000,
      what: "health",
    });
  });

  test("a second play is refused and changes nothing; --replace makes the pod again", async () => {
    const before = await tare.must(["ps", "-q", "--no-trunc"]);
    const { status, stderr } = await tare.tare(["kube", "play", file]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("web-pod")]);
    expect(await tare.must(["ps", "-q", "--no-trunc"])).toBe(before);
    await tare.must(["kube", "play", "--replace", file]);
    expect(await tare.must(["ps", "-q", "--no-trunc"])).not.toBe(before);
  });

  test("down removes pods, secrets and their volumes, and claims by --force", async () => {
    const first = await tare.must(["kube", "down", file]);
    expect(first).toMatch(
      /^Pods removed:\nweb-pod\nSecrets removed:\nkeys\.token\nkeys\.user\nconfigmap\.settings\.COLOR\nconfigmap\.settings\.index\.html\nVolumes removed:$/,
    );
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(await tare.must(["volume", "ls", "-q"])).toBe("kept");
    expect(await tare.must(["kube", "down", "--force", file])).toBe(
      "Pods removed:\nSecrets removed:\nVolumes removed:\nkept",
    );
    expect(await tare.must(["volume", "ls", "-q"])).toBe("");
  });

  test("what generate prints of a pod makes the same pod again", async () => {
    await tare.must(["kube", "play", file]);
    const summary = async (): Promise<unknown> => {
      const names = ["web-pod-first", "web-pod-server", "web-pod-tools"];
      const { stdout } = await tare.tare(["inspect", ...names]);
      const all: readonly Record<string, Record<string, unknown>>[] = JSON.parse(stdout);
      return all.map(({ Config = {}, HostConfig = {}, Mounts }) => ({
        command: [Config["Entrypoint"], Config["Cmd"], Config["User"]],
        limits: [HostConfig["Memory"], HostConfig["NanoCpus"], HostConfig["CpuShares"]],
        safety: [HostConfig["ReadonlyRootfs"], HostConfig["CapDrop"], HostConfig["SecurityOpt"]],
        restart: HostConfig["RestartPolicy"],
        health: Config["Healthcheck"],
        mounts: Object.values(Mounts ?? {}).length,
      }));
    };
    const before = await summary();
    const { stdout: text, stderr } = await tare.tare(["kube", "generate", "web-pod"]);
    expect(stderr).toBe(
      "WARNING: the secrets of container web-pod-server are left out: they have no values in a manifest\nWARNING: the secrets of container web-pod-tools are left out: they have no values in a manifest\n",
    );
    expect(text).toContain("kind: PersistentVolumeClaim");
    await tare.must(["kube", "down", file]);
    const made = write("again.yaml", text);
    await tare.must(["kube", "play", made]);
    expect(await summary()).toEqual(before);
    await tare.must(["kube", "down", made]);
  });

  test("generate: containers, volumes, workloads, Services and files", async () => {
    const flags = [
      "-d",
      "--name",
      "lone",
      "--network",
      "none",
      "--memory",
      "64m",
      "-e",
      "A=b",
      "--restart",
      "on-failure",
    ];
    await tare.must(["run", ...flags, "-v", "kept2:/data", "--user", "5:6", "busybox", "sleep", "1000"]);
    const text = await tare.must([
      "kube",
      "generate",
      "--type",
      "deployment",
      "--replicas",
      "3",
      "-s",
      "lone",
    ]);
    for (const line of [
      "kind: PersistentVolumeClaim",
      "kind: Deployment",
      "  replicas: 3",
      "kind: Service",
      '              memory: "67108864"',
      "            runAsUser: 5",
      "            claimName: kept2",
      "      restartPolicy: OnFailure",
    ])
      expect(text.split("\n")).toContain(line);
    const path = join(tare.directory, "files", "lone.yaml");
    await tare.must(["kube", "generate", "-f", path, "lone"]);
    const again = await tare.tare(["kube", "generate", "-f", path, "lone"]);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining("there is such a file")]);
    expect(await tare.must(["kube", "generate", "kept2"])).toContain("name: kept2");
    const absent = await tare.tare(["kube", "generate", "nothing"]);
    expect(absent.stderr).toContain('there is no container, pod or volume "nothing"');
    await tare.must(["rm", "-f", "lone"]);
    await tare.must(["volume", "rm", "kept2"]);
  });

  test.each([
    ["{", "is no YAML"],
    ["kind: Pod\nmetadata: {name: p1}\nspec: {}\n", "Pod p1.spec.containers: is missing"],
    ["kind: Pod\nmetadata: {name: P_}\nspec: {containers: [{name: c, image: i}]}\n", '"P_" is no name'],
    ["kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c}]}\n", "containers[0].image: is missing"],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: busybox, env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: k}}}]}]}\n",
      'there is no Secret "none"',
    ],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /v}]}]}\n",
      'the pod has no volume "v"',
    ],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: busybox, resources: {limits: {memory: lots}}}]}\n",
      '"lots" is no quantity',
    ],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: busybox, securityContext: {runAsNonRoot: true}}]}\n",
      "must not run as root",
    ],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {volumes: [{name: v, nfs: {server: s, path: /}}], containers: [{name: c, image: busybox}]}\n",
      "nfs is no kind of volume that works without a cluster",
    ],
    [
      "kind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: busybox, command: [/absent]}]}\n",
      "/absent",
    ],
  ])("%j is refused and leaves nothing", async (text, why) => {
    const { status, stderr } = await tare.tare(["kube", "play", write("wrong.yaml", text)]);
    expect(stderr).toContain(why);
    expect(status).not.toBe(0);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(await tare.must(["pod", "ls", "-q"])).toBe("");
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });
});
