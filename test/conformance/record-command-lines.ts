// Records what dockerd answers to the lines of test/support/command-lines.ts: recorded-command-lines.json. By hand, with
// a daemon of its own in a network namespace, whose one image is busybox:
//
//     bun test/conformance/record-command-lines.ts DIRECTORY SOCKET > test/conformance/recorded-command-lines.json
import { runCommandLines } from "../support/command-lines.ts";

const [directory = "", socket = ""] = process.argv.slice(2);
console.log(JSON.stringify(runCommandLines(directory, socket), undefined, 1));
