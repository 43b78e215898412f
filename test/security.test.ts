import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { toMessage } from "../errors.ts";
import { version } from "../package.json";
import { toManagedFile } from "../places.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { ROOT, startFolder } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { startRaw, toText } from "../scripts/raw-client.ts";
import { readSettings } from "../settings.ts";
import { askOnce, start } from "./helpers.ts";

describe("SECURITY.md", async () => {
  const PROOF = /\[([\w-]+\.test\.ts): ([^\]]+)\]/g;
  const page = await Bun.file(join(ROOT, "SECURITY.md")).text();

  test("names tests that exist", async () => {
    const proofs = [...page.replace(/\n\s*/g, " ").matchAll(PROOF)];
    expect(proofs.length).toBeGreaterThan(20);
    const missing: string[] = [];
    for (const [proof, file = "", name = ""] of proofs) {
      const folder = file === "index.test.ts" ? ROOT : import.meta.dir;
      const source = await Bun.file(join(folder, file)).text();
      if (!source.includes(name)) missing.push(proof);
    }
    expect(missing).toEqual([]);
  });

  test("claims nothing without a test", () => {
    const parts = page.split(/\n(?=- |\n)/);
    const claims = parts.filter((part) => part.trim().startsWith("- "));
    expect(claims.length).toBeGreaterThan(15);
    expect(claims.filter((claim) => !claim.match(PROOF))).toEqual([]);
  });
});

describe("the environment", () => {
  test.each([
    ["BUN_OPTIONS", "--preload"],
    ["NODE_OPTIONS", "--require"],
  ])(
    "%s of the environment runs no code in the program",
    async (name, flag) => {
      const evil = 'require("node:fs").writeFileSync("marker", "")';
      await using folder = await startFolder({ "evil.cjs": evil });
      const env = { [name]: `${flag} ./evil.cjs` };
      await start(["--version"], { env, cwd: folder.path });
      expect(await readdir(folder.path)).toEqual(["evil.cjs"]);
    },
  );

  // Who may set these may do anything, and SECURITY.md says so.
  test("BUN_OPTIONS=--heap-prof of the environment writes the memory, key and all, into the working folder", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const env = { ...toEnvironment(space), BUN_OPTIONS: "--heap-prof" };
    await askOnce(env, { cwd: folder.path });
    const [profile = ""] = await readdir(folder.path);
    const text = await readFile(folder.at(profile), "latin1");
    expect(text).toContain(space.apiKey);
  });

  test.skipIf(process.platform !== "linux").each([
    ["SSL_CERT_FILE", "ca.pem"],
    ["NODE_EXTRA_CA_CERTS", "ca.pem"],
    // What OpenSSL names the file of a certificate: a hash of its subject.
    ["SSL_CERT_DIR", "ce275665.0"],
  ])("%s of the environment adds certificates to trust", async (name, file) => {
    await using space = startSampleSpace({ tls: UNTRUSTED });
    await using folder = await startFolder({ [file]: UNTRUSTED.cert });
    const path = name === "SSL_CERT_DIR" ? folder.path : folder.at(file);
    const secure = { ...toEnvironment(space), BACKLOG_DOMAIN: space.url };
    const { text } = await askOnce({ ...secure, [name]: path });
    expect(text).toStartWith("# WEB-5 ");
  });

  test("BUN_BE_BUN of the environment makes the program plain Bun", async () => {
    const env = { BUN_BE_BUN: "1" };
    const { stdout } = await start(["-e", "console.log(1 + 1)"], { env });
    expect(stdout).toBe("2\n");
  });
});

describe("docs/company.md", async () => {
  const page = await Bun.file(join(ROOT, "docs/company.md")).text();

  test("names the files where they are read, with what they understand", async () => {
    for (const platform of ["linux", "darwin"]) {
      expect(page).toContain(`\`${toManagedFile(platform)?.path}\``);
    }
    const [, text] = /```sh\n([^`]+)```/.exec(page) ?? [];
    await using folder = await startFolder({ "managed.env": text });
    const owner = process.getuid?.() ?? 0;
    const { problems, restrictions } = readSettings({
      environment: { BACKLOG_API_KEY: "0123456789abcdef" },
      usualFiles: [],
      managedFile: { path: folder.at("managed.env"), owner },
    });
    // Its domain is the placeholder: whoever copies it must fill it in.
    expect(problems.join()).toContain("leaves BACKLOG_DOMAIN to be filled in");
    expect(restrictions).toEqual([]);
  });

  test("is right that the program writes no file, and how its requests are called", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const { path } = folder;
    const folders = { HOME: path, TMPDIR: path, XDG_CACHE_HOME: path };
    await askOnce({ ...toEnvironment(space), ...folders }, { cwd: path });
    expect(await readdir(path)).toEqual([]);
    expect(page).toContain("`backlog-mcp/<version>`");
    expect(space.requests[0]?.userAgent).toBe(`backlog-mcp/${version}`);
  });

  test("is right that a host of NO_PROXY is asked without a proxy", async () => {
    await using proxy = startSampleSpace();
    const env = {
      // No name server is asked for a name of more than 253 characters.
      BACKLOG_DOMAIN: `${`${"a".repeat(63)}.`.repeat(4)}backlog.com`,
      ...{ BACKLOG_API_KEY: "0123456789abcdef" },
      ...{ HTTPS_PROXY: proxy.url, NO_PROXY: "backlog.com" },
    };
    const { stdout } = await start(["check"], { env });
    expect(stdout).toContain("could not be resolved");
    expect(proxy.requests).toEqual([]);
  });
});

describe("no error has more than 2,000 characters", () => {
  const LONG = "Long 長い\n".repeat(20_000);
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => `${LONG.slice(0, 90)}${n}`);
  const DETAILS = "get_issue_details";
  const LIST = "get_user_issue_list";
  const ASKED: [name: string, args: Record<string, unknown>][] = [
    [DETAILS, { issue_key: "WEB-5" }],
    [LIST, {}],
  ];
  const errors = many(50).map((message) => ({ message, code: 7 }));
  const USER = { id: 1, name: LONG, userId: LONG };
  const ELSEWHERE = `https://${"long".repeat(2_000)}.example`;
  const manyNames = { assignee_names: many(900), status_names: many(900) };
  test.each<[string, typeof ASKED, SampleSpaceOptions["answer"]]>([
    [
      "of the assistant's",
      [
        [DETAILS, { issue_key: LONG }],
        [DETAILS, { [LONG]: 1 }],
        [LIST, { project_keys: ["WEB"], ...manyNames }],
        [LIST, { sort: LONG, limit: LONG, project_ids: many(900) }],
        [LONG, {}],
      ],
      undefined,
    ],
    ["of Backlog's", ASKED, () => Response.json({ errors }, { status: 400 })],
    ["of Backlog's, as text", ASKED, () => new Response(LONG, { status: 403 })],
    ["of Backlog's, as a name", ASKED, () => Response.json(USER)],
    ["of a redirect", ASKED, () => Response.redirect(ELSEWHERE)],
  ])("whatever comes %s", async (_, calls, answer) => {
    await using space = startSampleSpace({ answer });
    const USER_ID = LONG.slice(0, 9_000);
    await using server = startRaw({ ...toEnvironment(space), USER_ID });
    for (const [name, args] of calls) {
      const { result, error } = await server.call(name, args);
      const text = result === undefined ? error?.message : toText({ result });
      expect(text?.length).toBeWithin(20, 2_001);
    }
  });

  test("and none ends in half a character", () => {
    const message = toMessage(`${"x".repeat(1_799)}🔑`);
    expect(message).toEndWith("… (1 characters more)");
    // The matchers take half of one for its replacement.
    expect(message.isWellFormed()).toBe(true);
  });

  const TYPED = LONG.slice(0, 30_000);
  test.each([TYPED, `--${TYPED}`])("whatever is typed", async (word) => {
    const { stderr, code } = await start([word]);
    expect(code).toBe(2);
    expect(stderr.length).toBeWithin(20, 2_001);
  });
});
