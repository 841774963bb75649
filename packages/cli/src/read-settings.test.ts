import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test, { after } from "node:test";
import { readSettings, type SettingsSources } from "./read-settings.js";
import { SettingsError } from "./settings-error.js";

const folder = mkdtempSync(join(tmpdir(), "peal-settings-"));
after(() => rmSync(folder, { recursive: true }));

function configFile(source: string): string {
  const path = join(folder, "peal.yaml");
  writeFileSync(path, source);
  return path;
}

const read = (sources: Partial<SettingsSources>) => readSettings({ flags: {}, environment: {}, ...sources });

async function problemsOf(sources: Partial<SettingsSources>): Promise<readonly string[]> {
  const outcome = await read(sources).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof SettingsError, "the settings are refused");
  return outcome.problems;
}

test("without any source the defaults hold", async () => {
  assert.deepEqual(await read({}), {
    host: undefined,
    port: 8085,
    data: resolve("peal-data"),
    ephemeral: false,
    profile: "service",
    "log-level": "info",
    "tls-cert": undefined,
    "tls-key": undefined,
    "test-clock": false,
    "push-addresses": undefined,
    "push-ca": undefined,
    "push-skip-verification": false,
    "push-issuer": undefined,
  });
});

test("a flag goes before the environment, and that before the file", async () => {
  const config = configFile("port: 1\nhost: file\nprofile: emulator\n");
  const settings = await read({
    flags: { port: "3", config },
    environment: { PEAL_PORT: "2", PEAL_HOST: "environment" },
  });
  assert.deepEqual([settings.port, settings.host, settings.profile], [3, "environment", "emulator"]);
});

test("every key of the file is taken, and its paths count from its folder", async () => {
  const config = configFile(
    "host: 0.0.0.0\nport: 0\ndata: store\nephemeral: false\nprofile: emulator\nlog-level: warn\ntls-cert: a.pem\ntls-key: /b.pem\ntest-clock: true\npush-addresses: any\npush-ca: c.pem\npush-skip-verification: true\npush-issuer: https://push.example.com/peal\n",
  );
  assert.deepEqual(await read({ environment: { PEAL_CONFIG: config } }), {
    host: "0.0.0.0",
    port: 0,
    data: join(folder, "store"),
    ephemeral: false,
    profile: "emulator",
    "log-level": "warn",
    "tls-cert": join(folder, "a.pem"),
    "tls-key": "/b.pem",
    "test-clock": true,
    "push-addresses": "any",
    "push-ca": join(folder, "c.pem"),
    "push-skip-verification": true,
    "push-issuer": "https://push.example.com/peal",
  });
});

test("every variable of the environment is taken, and an empty one is as if not set", async () => {
  const settings = await read({
    environment: {
      PEAL_PORT: "9",
      PEAL_DATA: "",
      PEAL_TEST_CLOCK: "1",
      PEAL_LOG_LEVEL: "debug",
      PEAL_EPHEMERAL: "false",
    },
  });
  assert.deepEqual(
    [settings.port, settings.data, settings["test-clock"], settings["log-level"], settings.ephemeral],
    [9, resolve("peal-data"), true, "debug", false],
  );
});

test("a value that breaks its rule is told with its source, itself and the rule", async () => {
  const rule = "use a whole number from 0 to 65535; 0 takes a free port";
  assert.deepEqual(await problemsOf({ flags: { port: "http" } }), [`--port is "http"; ${rule}`]);
  assert.deepEqual(await problemsOf({ flags: { port: "65536" } }), [`--port is "65536"; ${rule}`]);
  assert.deepEqual(await problemsOf({ environment: { PEAL_PORT: "-1" } }), [`PEAL_PORT is "-1"; ${rule}`]);
  const config = configFile("# ports\nport: 80.5\n");
  assert.deepEqual(await problemsOf({ flags: { config } }), [`${config}:2: port is 80.5; ${rule}`]);
});

test("an issuer must be a URL that paths can follow", async () => {
  const rule = "use an http or https URL, under which verifiers reach this server";
  for (const issuer of ["peal", "ftp://example.com", "https://", "https:///x", "https://example.com?x=1"]) {
    assert.deepEqual(await problemsOf({ flags: { "push-issuer": issuer } }), [`--push-issuer is "${issuer}"; ${rule}`]);
  }
  assert.equal((await read({ flags: { "push-issuer": "http://a:1/b/" } }))["push-issuer"], "http://a:1/b/");
});

test("an overridden value is checked too, and all problems are told at once", async () => {
  const config = configFile("port: many\nprofile: strict\n");
  const problems = await problemsOf({ flags: { config, port: "1" }, environment: { PEAL_TEST_CLOCK: "maybe" } });
  assert.deepEqual(problems, [
    'PEAL_TEST_CLOCK is "maybe"; use true or false',
    `${config}:1: port is "many"; use a whole number from 0 to 65535; 0 takes a free port`,
    `${config}:2: profile is "strict"; use one of service, emulator`,
  ]);
});

test("an unknown key is refused with the one that was meant, or with all", async () => {
  const config = configFile("prot: 1\nlogLevel: info\nlog_level: info\nzebra: 1\n");
  const problems = await problemsOf({ flags: { config } });
  assert.deepEqual(problems.slice(0, 3), [
    `${config}:1: prot is not a setting; did you mean port?`,
    `${config}:2: logLevel is not a setting; did you mean log-level?`,
    `${config}:3: log_level is not a setting; did you mean log-level?`,
  ]);
  assert.match(problems[3]!, /:4: zebra is not a setting; the keys are host, port, data/);
});

test("a file that is missing, broken or no mapping is refused by its name", async () => {
  const missing = join(folder, "missing.yaml");
  assert.match((await problemsOf({ flags: { config: missing } }))[0]!, /missing\.yaml: cannot be read \(ENOENT/);
  const config = configFile("port: 1\nport: 2\n");
  assert.match((await problemsOf({ flags: { config } }))[0]!, /peal\.yaml:2: is not valid YAML/);
  configFile("- port\n");
  assert.match((await problemsOf({ flags: { config } }))[0]!, /must be a mapping/);
});

test("an empty file is as good as none", async () => {
  const config = configFile("# nothing\n");
  assert.equal((await read({ flags: { config } })).port, 8085);
});

test("a certificate without a key is refused, and a key without a certificate", async () => {
  assert.deepEqual(await problemsOf({ flags: { "tls-cert": "a" } }), [
    "--tls-cert is set without tls-key; give both or none",
  ]);
  assert.deepEqual(await problemsOf({ environment: { PEAL_TLS_KEY: "a" } }), [
    "PEAL_TLS_KEY is set without tls-cert; give both or none",
  ]);
});

test("one source may not ask for a directory and for none; a stronger one may", async () => {
  assert.match((await problemsOf({ flags: { data: "d", ephemeral: true } }))[0]!, /--ephemeral and --data contradict/);
  const settings = await read({ flags: { ephemeral: true }, environment: { PEAL_DATA: "d" } });
  assert.equal(settings.ephemeral, true);
});

test("an address that Kubernetes puts into PEAL_PORT is refused with the way out", async () => {
  assert.match(
    (await problemsOf({ environment: { PEAL_PORT: "tcp://10.0.0.1:80" } }))[0]!,
    /enableServiceLinks: false/,
  );
});
