#!/usr/bin/env node
// CommonJS, since libuv reads the size of its thread pool at the first use of the pool, and loading an ES module is one.
// Four threads, its default, could all wait on reads or name look-ups while a commit waits for one.
process.env.UV_THREADPOOL_SIZE ??= "8";
import("../dist/main.js");
