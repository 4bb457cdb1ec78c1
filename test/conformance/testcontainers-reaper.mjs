// Removes what a session of testcontainers leaves behind, in a container of its own. Each line that a client sends is a
// filter of the API's lists, and is answered with ACK. A moment after the last client has gone, everything that
// the filters select is removed.
import { request } from "node:http";
import { createServer } from "node:net";
import { hostname } from "node:os";

const filters = new Set();
let clients = 0;
let timer;

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: "/var/run/docker.sock", method, path }, (reply) => {
      let text = "";
      reply.on("data", (piece) => (text += piece));
      reply.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}

async function reap() {
  for (const filter of filters) {
    const members = {};
    for (const [name, value] of new URLSearchParams(filter)) (members[name] ??= []).push(value);
    const query = `filters=${encodeURIComponent(JSON.stringify(members))}`;
    for (const { Id } of JSON.parse(await ask("GET", `/containers/json?all=1&${query}`)))
      if (!Id.startsWith(hostname())) await ask("DELETE", `/containers/${Id}?force=1&v=1`);
    await ask("POST", `/networks/prune?${query}`);
    await ask("POST", `/volumes/prune?${query}`);
  }
  process.exit(0);
}

const server = createServer((client) => {
  let text = "";
  clients++;
  clearTimeout(timer);
  client.on("error", () => {});
  client.on("data", (piece) => {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      filters.add(line.trim());
      client.write("ACK\n");
    }
  });
  client.on("close", () => {
    if (--clients === 0 && filters.size > 0) timer = setTimeout(() => void reap(), 500);
  });
});
server.listen(8080, () => console.log("Started!"));
