/** Makes the images that suites in a virtual machine need: there is no network. Prints the directory that they are in. */
import { busyboxArchive, testCache } from "./images.ts";

busyboxArchive(); // and its root file system
console.log(testCache);
