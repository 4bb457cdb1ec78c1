import { describe, expect, test } from "bun:test";
import { parseManifest } from "../../../../src/spec/kube/manifest.ts";
import { findQuantity, parseQuantity } from "../../../../src/spec/kube/quantity.ts";

describe("findQuantity", () => {
  test.each([
    ["0", 0],
    ["1", 1],
    ["500m", 0.5],
    ["1.5Gi", 1.5 * 2 ** 30],
    [".5", 0.5],
    ["2e3", 2000],
    ["2E-1", 0.2],
    ["10k", 10_000],
    ["64Mi", 64 * 2 ** 20],
    ["1P", 1e15],
    ["", undefined],
    ["lots", undefined],
    ["1 Gi", undefined],
    ["-1", undefined],
    ["1Gib", undefined],
    ["1e", undefined],
    ["0x10", undefined],
  ])("%j is %p", (text, value) => expect(findQuantity(text)).toBe(value));

  test("a wrong one is refused with its path", () => {
    expect(() => parseQuantity("lots", "Pod p.spec.x")).toThrow(
      'Pod p.spec.x: "lots" is no quantity, such as 500m or 1.5Gi',
    );
  });
});

const pod = (more = ""): string =>
  `kind: Pod\nmetadata: { name: p1 }\nspec: { containers: [{ name: c, image: i }] }\n${more}`;

describe("parseManifest", () => {
  test("several documents, a List, and JSON", () => {
    const list =
      '{"kind": "List", "items": [{"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "b"}}]}';
    const manifest = parseManifest(`---\n${pod()}---\n---\n${list}\n`);
    expect(manifest.pods.map(({ name, owner }) => [name, owner])).toEqual([["p1", "Pod p1"]]);
    expect(manifest.configMaps.map(({ name, entries }) => [name, [...entries.keys()]])).toEqual([
      ["m", ["a"]],
    ]);
  });

  test.each([
    [
      "Deployment",
      "spec: { replicas: 3, template: { spec: {} } }",
      "Always",
      ["Deployment w runs once, not 3 times"],
    ],
    ["DaemonSet", "spec: { template: { spec: {} } }", "Always", []],
    ["StatefulSet", "spec: { template: { spec: {} } }", "Always", []],
    [
      "Job",
      "spec: { completions: 2, template: { spec: {} } }",
      "OnFailure",
      ["Job w runs once, not 2 times"],
    ],
  ])("%s: a pod of its template", (kind, spec, restart, warnings) => {
    const manifest = parseManifest(`kind: ${kind}\nmetadata: { name: w }\n${spec}\n`);
    expect(manifest.pods.map(({ name, defaultRestart }) => [name, defaultRestart])).toEqual([
      ["w-pod", restart],
    ]);
    expect(manifest.warnings).toEqual(warnings);
  });

  test("data of a Secret is base64, stringData comes after it", () => {
    const text = "kind: Secret\nmetadata: { name: s }\ndata: { a: aGk=, b: eA== }\nstringData: { b: z }\n";
    const [secret] = parseManifest(text).secrets;
    const entries = [...(secret?.entries ?? [])].map(([key, value]) => [key, Buffer.from(value).toString()]);
    expect(Object.fromEntries(entries)).toEqual({ a: "hi", b: "z" });
  });

  test("other kinds are ignored with a warning", () => {
    expect(parseManifest(`kind: Service\nmetadata: { name: s }\n---\n${pod()}`).warnings).toEqual([
      "Service s is ignored: the kind needs a cluster",
    ]);
  });

  test.each([
    ["", "it has no object of Kubernetes"],
    ["{", "it is no YAML"],
    ["- 1\n", "object 1: must be an object"],
    ["metadata: {}\n", "object 1.kind: is missing"],
    ["kind: Pod\n", "Pod 1.metadata.name: is missing"],
    ["kind: Pod\nmetadata: { name: -x }\n", '"-x" is no name'],
    ["kind: Pod\nmetadata: { name: p1 }\n", "Pod p1.spec: is missing"],
    [pod(`---\n${pod()}`), "two pods have the name p1"],
    ["kind: Deployment\nmetadata: { name: w }\nspec: {}\n", "Deployment w.spec.template: is missing"],
    ["kind: ConfigMap\nmetadata: { name: m }\ndata: { a: 1 }\n", "data.a: must be a text: put it in quotes"],
    ["kind: Secret\nmetadata: { name: s }\ndata: { a: '%' }\n", "data.a: is no base64"],
    ["a: &a [1]\nb: [*a, *a\n", "it is no YAML"],
  ])("%j is refused", (text, why) => expect(() => parseManifest(text)).toThrow(why));
});
