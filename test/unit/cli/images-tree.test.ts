import { expect, test } from "bun:test";
import type { ImageSummary } from "../../../src/api/types/image.ts";
import { formatImagesTree } from "../../../src/cli/format/images-tree.ts";

const idOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

const image = (digit: string, tags: readonly string[], rest: Partial<ImageSummary> = {}): ImageSummary => ({
  Id: idOf(digit),
  ParentId: "",
  RepoTags: tags,
  RepoDigests: [],
  Created: 0,
  Size: 3_000_000,
  SharedSize: -1,
  Labels: null,
  Containers: 0,
  ...rest,
});

const manifest = (
  digit: string,
  {
    containers = [],
    isAvailable = true,
    variant,
  }: {
    readonly containers?: readonly string[];
    readonly isAvailable?: boolean;
    readonly variant?: string;
  } = {},
): NonNullable<ImageSummary["Manifests"]>[number] => ({
  ID: idOf(digit),
  Descriptor: { mediaType: "m", digest: idOf(digit), size: 1 },
  Available: isAvailable,
  Size: { Content: 1_000_000, Total: 4_000_000 },
  Kind: "image",
  ImageData: {
    Platform: { os: "linux", architecture: "arm", variant },
    Containers: containers,
    Size: { Unpacked: 3_000_000 },
  },
});

const images = [
  image("c", []),
  image("b", ["zoo:1", "app:2"], { Manifests: [manifest("1", { containers: ["x"], variant: "v7" })] }),
  image("a", ["aa:1"], { Manifests: [manifest("2"), manifest("3", { isAvailable: false })] }),
];

test("without a terminal the names have all the room they need", () => {
  expect(formatImagesTree(images, { columns: undefined, hasColors: false })).toBe(`\
IMAGE             ID             DISK USAGE   CONTENT SIZE   EXTRA
aa:1              aaaaaaaaaaaa          8MB            2MB        
├─ linux/arm      222222222222          4MB            1MB        
└─ linux/arm      333333333333          4MB            1MB        

app:2          
zoo:1             bbbbbbbbbbbb          4MB            1MB   U    
└─ linux/arm/v7   111111111111          4MB            1MB   U    

<untagged>        cccccccccccc          3MB             0B        

`);
});

test("images without known platforms stand close together", () => {
  expect(
    formatImagesTree([image("a", ["aa:1"]), image("b", ["b:1"])], { columns: undefined, hasColors: false }),
  ).toBe(`\
IMAGE   ID             DISK USAGE   CONTENT SIZE   EXTRA
aa:1    aaaaaaaaaaaa          3MB             0B        
b:1     bbbbbbbbbbbb          3MB             0B        
`);
});

test.each([
  [80, "IMAGE   ID             DISK USAGE   CONTENT SIZE   EXTRA"],
  [60, "IMAGE   ID             DISK USAGE   CONTENT SIZE"],
  [40, "IMAGE   ID             DISK USAGE"],
  [30, "IMAGE   ID          "],
  [20, "IMAGE"],
  [3, "IMAGE"],
])("a terminal of %d columns has the headings %j", (columns, headings) => {
  const [legend = "", line = ""] = formatImagesTree([image("a", ["aa:1"])], {
    columns,
    hasColors: false,
  }).split("\n");
  expect(line.trimEnd()).toBe(headings.trimEnd());
  expect(legend.trimStart()).toBe("Info ->  U In Use");
  expect(legend.length).toBe(Math.max(columns, 18));
});

test("a name that is too long stands on a line of its own", () => {
  const name = `registry.example/${"long/".repeat(6)}app:1`;
  const lines = formatImagesTree([image("a", ["b:1", name])], { columns: 60, hasColors: false }).split("\n");
  expect(lines.slice(2)).toEqual([
    `b:1${" ".repeat(14)}`,
    name,
    `${" ".repeat(17)}   aaaaaaaaaaaa          3MB             0B`,
    "",
  ]);
});

test("a terminal shows colors, which take no room", () => {
  const lines = formatImagesTree(images, { columns: 80, hasColors: true }).split("\n");
  // oxlint-disable-next-line no-control-regex -- the codes of terminals begin so
  const plain = lines.map((line) => line.replace(/\x1b\[[0-9;]*m/g, ""));
  expect(plain[0]).toBe(`${" ".repeat(60)}i Info →   U  In Use`);
  expect(plain[3]).toBe(
    "├─ linux/arm      222222222222          4MB            1MB     ".padEnd(plain[3]?.length ?? 0),
  );
  expect(lines[1]).toStartWith("\x1b[39;1mIMAGE\x1b[0m");
  expect(lines[2]).toStartWith("\x1b[34;1maa:1\x1b[0m");
  expect(lines[4]).toStartWith("\x1b[39;2m└─ linux/arm\x1b[0m");
  expect(lines.filter((line) => line.includes("\x1b[48;5;14m U \x1b[0m"))).toHaveLength(3);
});

test("what an image says of its platform cannot write on the terminal", () => {
  const hostile = {
    ...manifest("1"),
    ImageData: { Platform: { os: "\x1b[2J", architecture: "x" }, Containers: [], Size: { Unpacked: 0 } },
  };
  const text = formatImagesTree([image("a", ["a:1"], { Manifests: [hostile] })], {
    columns: undefined,
    hasColors: false,
  });
  expect(text).not.toContain("\x1b");
});
