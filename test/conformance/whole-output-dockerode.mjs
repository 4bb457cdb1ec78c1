// Performs the cases of whole-output.test.ts with dockerode on Node and prints those whose output is wrong, as JSON.
//   node whole-output-dockerode.mjs SOCKET DATA-DIRECTORY < CASES
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

const [socketPath, data] = process.argv.slice(2);
const docker = new Docker({ socketPath });
const cases = JSON.parse(readFileSync(0, "utf8"));
const [outBytes, errBytes] = ["out", "err"].map((name) => readFileSync(`${data}/${name}`));
const pauseMs = 10;

/** Collects what is written to it; a slow one takes each piece late. */
function sinkOf(isSlow) {
  const pieces = [];
  const sink = new Writable({
    highWaterMark: 1024,
    write(piece, _, done) {
      pieces.push(piece);
      if (isSlow) void sleep(pauseMs).then(() => done());
      else done();
    },
  });
  return { sink, bytes: () => Buffer.concat(pieces) };
}

/** Sends the input and half-closes, while both streams are read to the end. */
async function exchange(stream, each) {
  const [out, err] = [sinkOf(false), sinkOf(false)];
  if (each.isSlow) {
    // demuxStream() ignores back pressure: hold the connection itself.
    stream.on("data", () => {
      stream.pause();
      setTimeout(() => stream.resume(), pauseMs);
    });
  }
  docker.modem.demuxStream(stream, out.sink, err.sink);
  const ended = new Promise((resolve, reject) => {
    stream.on("end", resolve);
    stream.on("close", resolve);
    stream.on("error", reject);
  });
  if (each.hasInput) stream.end(Buffer.concat([Buffer.from(each.input), outBytes.subarray(0, each.inBytes)]));
  await ended;
  return [out.bytes(), err.bytes()];
}

async function perform(each) {
  const streams = { stdin: each.hasInput, stdout: true, stderr: true };
  if (each.verb === "exec") {
    const exec = await docker.getContainer("target").exec({
      Cmd: each.command,
      AttachStdin: each.hasInput,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: each.hasInput, stdin: each.hasInput });
    const [out, err] = await exchange(stream, each);
    return [out, err, (await exec.inspect()).ExitCode];
  }
  const HostConfig = { Binds: [`${data}:/data:ro`] };
  if (each.verb === "run" && !each.hasInput) {
    const [out, err] = [sinkOf(each.isSlow), sinkOf(each.isSlow)];
    const sinks = [out.sink, err.sink];
    // run() ends them at the end of the stream, which may come after the exit code.
    const finished = Promise.all(sinks.map((sink) => once(sink, "finish")));
    const [{ StatusCode }, container] = await docker.run("busybox", each.command, sinks, {
      Tty: false,
      HostConfig,
    });
    await finished;
    await container.remove();
    return [out.bytes(), err.bytes(), StatusCode];
  }
  const container = await docker.createContainer({
    Image: "busybox",
    Cmd: each.command,
    HostConfig,
    OpenStdin: each.hasInput,
    StdinOnce: each.hasInput,
  });
  try {
    const attach = () => container.attach({ stream: true, hijack: each.hasInput, ...streams });
    if (each.verb === "attach") await container.start();
    const stream = await attach();
    if (each.verb === "run") await container.start();
    const [out, err] = await exchange(stream, each);
    return [out, err, (await container.wait()).StatusCode];
  } finally {
    await container.remove({ force: true });
  }
}

const wrong = [];
const remaining = cases.values();
async function work() {
  for (const each of remaining) {
    try {
      const [out, err, code] = await perform(each);
      const isWhole =
        out.equals(outBytes.subarray(0, each.outBytes)) && err.equals(errBytes.subarray(0, each.errBytes));
      if (!isWhole || code !== each.code) wrong.push({ ...each, got: [out.length, err.length, code] });
    } catch (error) {
      wrong.push({ ...each, got: String(error) });
    }
  }
}
await Promise.all([work(), work(), work()]);
process.stdout.write(JSON.stringify(wrong));
