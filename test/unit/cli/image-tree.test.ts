import { describe, expect, test } from "bun:test";
import { growImageTree } from "../../../src/engine/images/image-tree.ts";
import { imageTreeOf } from "../../../src/daemon/map/image.ts";
import { drawTreeDot } from "../../../src/cli/format/image-tree/dot.ts";
import { drawTreeSvg } from "../../../src/cli/format/image-tree/svg.ts";
import { drawTreeText } from "../../../src/cli/format/image-tree/text.ts";
import { type Digest, digestOf } from "../../../src/spec/digest.ts";
import { parseImageConfig } from "../../../src/spec/image/config.ts";

const layer = (name: string): Digest => digestOf(Buffer.from(name));

function image(names: readonly string[], layers: readonly string[], commands: readonly string[] = layers) {
  const document = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(layer) },
    history: [
      { created_by: "ENV A=1", empty_layer: true },
      ...commands.map((created_by) => ({ created_by })),
    ],
  };
  return {
    record: {
      id: layer(`image ${names.join()}`),
      config: parseImageConfig(Buffer.from(JSON.stringify(document))),
      layerBytes: layers.map((name) => name.length * 1000),
    },
    references: names,
  };
}

const tree = growImageTree([
  image(["base:1"], ["base"]),
  image(["app:1", "app:2"], ["base", "app"], ["base", 'echo "</text>" \u001b[31m']),
  image([], ["base", "app", "more"]),
  image(["odd:1"], ["other", "app"]),
  image(["empty:1"], []),
]);

describe("growImageTree()", () => {
  test("shares what begins alike, and counts a layer wherever it stands", () => {
    expect(tree.layers.map(({ diffId, usedBy, sizeBytes }) => [diffId, usedBy, sizeBytes])).toEqual([
      [layer("base"), 3, 4000],
      [layer("app"), 3, 3000],
      [layer("more"), 1, 4000],
      [layer("other"), 1, 5000],
      [layer("app"), 3, 3000],
    ]);
    expect(tree.layers.map(({ chainId }) => chainId)).toHaveLength(
      new Set(tree.layers.map((each) => each.chainId)).size,
    );
    expect(tree.layers[1]?.parent).toBe(tree.layers[0]?.chainId ?? "");
    expect(tree.layerless.map(({ references }) => references)).toEqual([["empty:1"]]);
  });
});

describe("drawings of the tree", () => {
  const drawn = imageTreeOf(tree);
  const style = { isWhole: false };

  test("drawTreeText() draws branches, and no control character of an image", () => {
    const text = drawTreeText(drawn, style);
    const id = (name: string): string => layer(name).slice(7, 19);
    expect(text.split("\n")).toEqual([
      `${id("base")}  4kB  shared by 3  base`,
      `├── base:1  ${id("image base:1")}`,
      `└── ${id("app")}  3kB  shared by 3  echo "</text>"  [31m`,
      `    ├── app:1, app:2  ${id("image app:1,app:2")}`,
      `    └── ${id("more")}  4kB  more`,
      `        └── <none>  ${id("image ")}`,
      `${id("other")}  5kB  other`,
      `└── ${id("app")}  3kB  shared by 3  app`,
      `    └── odd:1  ${id("image odd:1")}`,
      `empty:1  ${id("image empty:1")}  (no layers)`,
      "",
      "4 layers, 16kB (30kB if nothing were shared)",
      "",
    ]);
    expect(drawTreeText({ Layers: [], Layerless: [] }, style)).toBe("");
  });

  test("drawTreeDot() names each node once and joins a layer with itself elsewhere", () => {
    const dot = drawTreeDot(drawn, style);
    expect(dot.match(/^ {2}\w+ \[shape=box/gm)).toHaveLength(10);
    expect(dot).toContain("layer1 -> layer4 [style=dashed, dir=none, constraint=false];");
    expect(dot).toContain('echo \\"</text>\\"');
  });

  test("drawTreeSvg() is one document whatever an image's author wrote", () => {
    const svg = drawTreeSvg(drawn, style);
    expect(svg.match(/<text /g)).toHaveLength(10);
    expect(svg.match(/<\/text>/g)).toHaveLength(10);
    expect(svg).toContain("&lt;/text&gt;");
    expect(svg).not.toContain("\u001b");
    expect(svg.match(/<path /g)).toHaveLength(7);
  });
});
