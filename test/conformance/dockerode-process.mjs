// Runs one scenario with dockerode on Node, as its users do, and prints what it saw as JSON.
//   node dockerode-process.mjs SOCKET SCENARIO [ARGUMENT…]
import { createReadStream } from "node:fs";
import { PassThrough, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

const [socketPath, scenario, ...words] = process.argv.slice(2);
const docker = new Docker({ socketPath });

/** The text of a stream until its end. */
async function textOf(stream) {
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

/** Both streams of a multiplexed one, by dockerode's own demultiplexer. */
async function demuxed(stream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([textOf(stdout), textOf(stderr)]);
  docker.modem.demuxStream(stream, stdout, stderr);
  await new Promise((resolve) => {
    stream.on("end", resolve);
    stream.on("close", resolve);
  });
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { out, err };
}

/** What went wrong, as dockerode tells it. */
async function failureOf(promise) {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return { status: error.statusCode, message: error.json?.message ?? error.message };
  }
}

const create = (Cmd, more = {}) => docker.createContainer({ Image: "busybox", Cmd, ...more });

const scenarios = {
  async system() {
    const [ping, version, info] = [await docker.ping(), await docker.version(), await docker.info()];
    return { ping: ping.toString(), api: version.ApiVersion, driver: info.Driver, os: info.OSType };
  },

  async images(archive) {
    const progress = await docker.loadImage(createReadStream(archive));
    const lines = await new Promise((resolve, reject) =>
      docker.modem.followProgress(progress, (error, all) => (error ? reject(error) : resolve(all))),
    );
    const [image] = await docker.listImages();
    const inspected = await docker.getImage("busybox").inspect();
    await docker.getImage("busybox").tag({ repo: "mine", tag: "1" });
    const history = await docker.getImage("mine:1").history();
    const removed = await docker.getImage("mine:1").remove();
    return {
      loaded: lines.map(({ stream }) => stream ?? "").join(""),
      tags: image.RepoTags,
      cmd: inspected.Config.Cmd,
      history: history.length,
      removed,
      absent: await failureOf(docker.getImage("mine:1").inspect()),
      pull: await failureOf(docker.pull("127.0.0.1:1/no/such:1")),
    };
  },

  async life() {
    const container = await create(["sh", "-c", "echo out; echo err >&2; exit 3"], {
      name: "life",
      Labels: { a: "b" },
    });
    const before = await container.inspect();
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const output = demuxed(stream);
    const waited = container.wait({ condition: "next-exit" });
    await container.start();
    const status = await waited;
    const seen = await output;
    const [listed] = await docker.listContainers({ all: true, filters: { label: ["a=b"] } });
    const again = await failureOf(create(["true"], { name: "life" }));
    await container.rename({ name: "past" });
    const name = (await container.inspect()).Name;
    await container.remove();
    return {
      created: before.State.Status,
      status: status.StatusCode,
      ...seen,
      listed: [listed.Names[0], listed.State],
      again,
      name,
      gone: await failureOf(container.inspect()),
    };
  },

  /** Standard input over a hijacked connection, half-closed at its end. */
  async input() {
    const container = await create(["sh", "-c", "cat; echo ended"], {
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
    });
    const stream = await container.attach({
      stream: true,
      hijack: true,
      stdin: true,
      stdout: true,
      stderr: true,
    });
    const output = demuxed(stream);
    await container.start();
    const text = "through\n".repeat(20_000);
    stream.end(text);
    const { out } = await output;
    const { StatusCode } = await container.wait();
    await container.remove();
    return { isSame: out === `${text}ended\n`, bytes: out.length, status: StatusCode };
  },

  async run() {
    const pieces = [];
    const sink = new Writable({
      write(piece, _, done) {
        pieces.push(piece);
        done();
      },
    });
    const [data, container] = await docker.run("busybox", ["sh", "-c", "echo said; tty; exit 4"], sink);
    await container.remove();
    return { status: data.StatusCode, said: Buffer.concat(pieces).toString() };
  },

  async exec() {
    const container = await create(["sleep", "1000"]);
    await container.start();
    const run = async (options, start) => {
      const exec = await container.exec({ AttachStdout: true, AttachStderr: true, ...options });
      const stream = await exec.start(start);
      const seen = options.Tty === true ? { out: await textOf(stream) } : await demuxed(stream);
      const { ExitCode, Running } = await exec.inspect();
      return { ...seen, code: ExitCode, isRunning: Running };
    };
    const plain = await run(
      {
        Cmd: ["sh", "-c", "id -u; pwd; echo $X; echo err >&2; exit 7"],
        User: "1000",
        WorkingDir: "/tmp",
        Env: ["X=y"],
      },
      {},
    );
    const fed = await (async () => {
      const exec = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
      const stream = await exec.start({ hijack: true, stdin: true });
      const seen = demuxed(stream);
      stream.end("fed");
      return (await seen).out;
    })();
    const terminal = await run(
      { Cmd: ["sh", "-c", "tty; stty size"], Tty: true, ConsoleSize: [20, 70] },
      { Tty: true },
    );
    const missing = await run({ Cmd: ["no-such"] }, {});
    await container.kill();
    const stopped = await failureOf(container.exec({ Cmd: ["true"] }));
    await container.remove({ force: true });
    return { plain, fed, terminal, missing, stopped };
  },

  async logs() {
    const container = await create(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; echo err >&2"]);
    await container.start();
    const following = await container.logs({ follow: true, stdout: true, stderr: true });
    const followed = await demuxed(following);
    // Without follow, dockerode gives the bytes: frames.
    const whole = await container.logs({ stdout: true, stderr: false, tail: 1, timestamps: true });
    await container.remove();
    return { ...followed, kind: whole[0], tail: whole.subarray(8).toString() };
  },

  async control() {
    const script = "trap 'echo poked' USR1; trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done";
    const container = await create(["sh", "-c", script], { Tty: true, OpenStdin: true });
    await container.start();
    const seen = async (text) => {
      while (!(await container.logs({ stdout: true })).toString().includes(text)) await sleep(20);
    };
    await seen("up");
    await container.resize({ h: 30, w: 90 });
    await container.kill({ signal: "SIGUSR1" });
    await seen("poked");
    const removal = await failureOf(container.remove());
    await container.stop();
    const twice = await failureOf(container.stop());
    const { ExitCode } = (await container.inspect()).State;
    await container.restart({ t: 0 });
    const { Running } = (await container.inspect()).State;
    await container.remove({ force: true });
    return { removal, twice, ExitCode, Running };
  },

  async events() {
    const stream = await docker.getEvents({ filters: { type: ["container"], label: ["watched"] } });
    const actions = [];
    const destroyed = new Promise((resolve) => {
      let text = "";
      stream.on("data", (piece) => {
        text += piece;
        for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
          const event = JSON.parse(text.slice(0, end));
          text = text.slice(end + 1);
          actions.push(event.Action);
          if (event.Action === "destroy") resolve();
        }
      });
    });
    const container = await create(["true"], { Labels: { watched: "" } });
    const waited = container.wait({ condition: "next-exit" });
    await container.start();
    await waited;
    await container.remove();
    await destroyed;
    stream.destroy();
    return { actions };
  },

  /** Clients that give up, and what they leave. */
  async abandoned() {
    const container = await create(["sleep", "1000"], { OpenStdin: true });
    await container.start();
    const controller = new AbortController();
    const waiting = failureOf(container.wait({ abortSignal: controller.signal }));
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true });
    const following = await container.logs({ follow: true, stdout: true });
    controller.abort();
    stream.destroy();
    following.destroy();
    await waiting;
    const { Status } = (await container.inspect()).State;
    await container.remove({ force: true });
    return { Status, left: (await docker.listContainers({ all: true })).length };
  },
};

console.log(JSON.stringify(await scenarios[scenario](...words)));
