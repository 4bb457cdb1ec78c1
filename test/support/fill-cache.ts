/**
 * Fetches and makes what tests need from elsewhere: they have a network of their own, and in a virtual machine none.
 * Only the images with the word `images`. Prints the directory that all is in.
 */
import { findDockerCli } from "./docker-cli.ts";
import { busyboxArchive, busyboxPackage, debianArchive, testCache } from "./images.ts";
import { fetchNode24 } from "./node-24.ts";

busyboxPackage();
busyboxArchive(); // and its root file system
if (process.argv[2] !== "images") {
  findDockerCli();
  debianArchive();
  if (process.env["CI"] !== undefined) fetchNode24();
}
console.log(testCache);
