// One session of testcontainers on Node, as its users write it; prints what it saw as JSON. With "leave" it ends without
// stopping anything, with "compose FOLDER" it brings a compose project up, with "build FOLDER" it builds an image.
import { DockerComposeEnvironment, GenericContainer, Network, Wait } from "testcontainers";

setInterval(() => {}, 1000); // its streams of logs do not keep a process alive
const [, , how, folder] = process.argv;
const seen = await (how === "compose" ? compose() : how === "build" ? build() : session());
console.log(JSON.stringify(seen));
process.exit(0);

async function session() {
  const network = await new Network().start();
  const web = await new GenericContainer("busybox:latest")
    .withCommand(["sh", "-c", "echo ready; cp /copied.html /index.html; httpd -f -p 80 -h /"])
    .withCopyContentToContainer([{ content: "copied", target: "/copied.html" }])
    .withEnvironment({ GREETING: "hello" })
    .withExposedPorts(80)
    .withNetwork(network)
    .withNetworkAliases("web")
    .withWaitStrategy(Wait.forAll([Wait.forLogMessage("ready"), Wait.forListeningPorts()]))
    .start();
  const client = await new GenericContainer("busybox:latest")
    .withCommand(["sleep", "1000"])
    .withNetwork(network)
    .withTmpFs({ "/scratch": "size=1m" })
    .withResourcesQuota({ memory: 0.125, cpu: 1 })
    .withHealthCheck({
      test: ["CMD-SHELL", "test -d /scratch"],
      interval: 200,
      timeout: 1000,
      retries: 3,
      startPeriod: 1000,
    })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const fetched = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/`);
  const seen = {
    fetched: [fetched.status, await fetched.text()],
    executed: await web.exec(["sh", "-c", "echo $GREETING; echo wrong >&2; exit 3"]),
    fromClient: (await client.exec(["wget", "-qO-", "http://web/"])).output,
    log: await firstLine(await web.logs()),
  };
  await web.restart();
  const again = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/`);
  if (how === "leave") return { ...seen, again: again.status };
  await web.stop();
  await client.stop();
  await network.stop();
  return { ...seen, again: again.status };
}

function firstLine(log) {
  return new Promise((resolve) => log.once("data", (line) => resolve(String(line).trim())));
}

async function build() {
  const image = await GenericContainer.fromDockerfile(folder, "Dockerfile.test")
    .withBuildArgs({ WHAT: "an argument" })
    .withTarget("made")
    .build();
  const container = await image.withCommand(["sleep", "1000"]).start();
  const { output } = await container.exec(["sh", "-c", "cat /made /src/file; ls -A /src; id -u"]);
  await container.stop();
  return output;
}

async function compose() {
  const up = await new DockerComposeEnvironment(folder, "compose.yaml")
    .withWaitStrategy("web-1", Wait.forLogMessage("ready"))
    .up();
  const web = up.getContainer("web-1");
  const fetched = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/`);
  const seen = { fetched: await fetched.text() };
  await up.down();
  return seen;
}
