#!/usr/bin/env node
// CommonJS, since libuv reads the size of its thread pool at the first use of the pool, and loading an ES module is one.
// Four threads, its default, could all wait on reads or name look-ups while a commit waits for one.
process.env.UV_THREADPOOL_SIZE ??= "8";
// V8 counts the bytes of buffers, and a small heap may grow by little before all of it is marked again: at some hundred MB/s
// that is many times a second. Five times what is alive is room enough; ADR 6 has the figures.
require("node:v8").setFlagsFromString("--heap-growing-percent=400");
import("../dist/main.js");
