// A front end of BuildKit as the program of an image. What it does is the build argument MODE.
import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import { codecs, codingsOf } from "../../src/daemon/buildkit/codings.ts";
import { GrpcClient } from "../../src/grpc/client.ts";

const service = "moby.buildkit.v1.frontend.LLBBridge";
const options = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value = ""]): readonly (readonly [string, string])[] => {
    const equals = value.indexOf("=");
    return name.startsWith("BUILDKIT_FRONTEND_OPT_")
      ? [[value.slice(0, equals), value.slice(equals + 1)]]
      : [];
  }),
);
const mode = options["build-arg:MODE"];
if (mode === "exit") {
  console.error("sorry, no");
  process.exit(3);
}
if (mode === "garbage") {
  process.stdout.write("this is no HTTP/2 ".repeat(1000));
  await Bun.sleep(1000);
  process.exit(0);
}
const client = new GrpcClient(Duplex.from({ readable: process.stdin, writable: process.stdout }));
const call = <Name extends "Ping" | "Solve" | "ReadFile" | "Return" | "Inputs" | "StatFile">(name: Name) => {
  const codings = codingsOf(`${service}/${name}`);
  return (request: Parameters<typeof codings.request.encode>[0]) =>
    client.unary(`/${service}/${name}`, codings as never, request as never) as Promise<
      ReturnType<typeof codings.response.decode>
    >;
};

const encodeOp = (op: object): Uint8Array => codecs.of("pb.Op").encode(op as never);

/** The directory of the client that has the Dockerfile. */
async function readDockerfile(path: string): Promise<string> {
  const attrs = { "local.sessionid": process.env["BUILDKIT_SESSION_ID"] ?? "" };
  const source = encodeOp({ source: { identifier: "local://dockerfile", attrs } });
  const digest = `sha256:${createHash("sha256").update(source).digest("hex")}`;
  const end = encodeOp({ inputs: [{ digest, index: 0 }] });
  const { result } = await call("Solve")({ Definition: { def: [source, end] } } as never);
  const { Data } = await call("ReadFile")({ Ref: result?.ref?.id ?? "", FilePath: path } as never);
  return Buffer.from(Data).toString();
}

try {
  await call("Ping")({} as never);
  if (mode === "hang") await new Promise(() => setInterval(() => undefined, 1000));
  const text = await readDockerfile(options["build-arg:READ"] ?? options["filename"] ?? "Dockerfile");
  if (mode === "show") throw new Error(`read: ${text}`);
  // The built-in front end does the work; the configuration gets a label.
  const { result } = await call("Solve")({ Frontend: "dockerfile.v0", FrontendOpt: options } as never);
  const config = JSON.parse(Buffer.from(result?.metadata["containerimage.config"] ?? []).toString());
  config.config = { ...config.config, Labels: { "made.by": options["source"], line: text.split("\n")[0] } };
  const metadata = { "containerimage.config": Buffer.from(JSON.stringify(config)) };
  await call("Return")({ result: { ref: result?.ref, metadata } } as never);
} catch (thrown) {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  await call("Return")({ error: { code: 2, message } } as never);
}
process.exit(0);
