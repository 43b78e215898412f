import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { toManagedFile } from "../places.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, ROOT } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";
import { readSettings } from "../settings.ts";
import { start } from "./helpers.ts";

describe("SECURITY.md", () => {
  const PROOF = /\[([\w-]+\.test\.ts): ([^\]]+)\]/;

  test("names tests that exist", async () => {
    const text = (await readPage()).replace(/\n\s*/g, " ");
    const proofs = [...text.matchAll(RegExp(PROOF, "g"))];
    expect(proofs.length).toBeGreaterThan(20);
    const missing: string[] = [];
    for (const [proof, file = "", name = ""] of proofs) {
      const folder = file === "index.test.ts" ? ROOT : import.meta.dir;
      const source = await Bun.file(join(folder, file)).text();
      if (!source.includes(name)) missing.push(proof);
    }
    expect(missing).toEqual([]);
  });

  test("claims nothing without a test", async () => {
    const claims = (await readPage())
      .split(/\n(?=- |\n)/)
      .filter((part) => part.trim().startsWith("- "));
    expect(claims.length).toBeGreaterThan(15);
    for (const claim of claims) expect(claim).toMatch(PROOF);
  });
});

describe("the environment", () => {
  test.each([
    ["BUN_OPTIONS", "--preload"],
    ["NODE_OPTIONS", "--require"],
  ])(
    "%s of the environment runs no code in the program",
    async (name, flag) => {
      await using space = startSampleSpace();
      await using folder = await startFolder();
      const evil = join(folder.path, "evil.cjs");
      const marker = JSON.stringify(join(folder.path, "marker"));
      await writeFile(evil, `require("node:fs").writeFileSync(${marker}, "")`);
      await using server = startRaw({
        ...toEnvironment(space),
        [name]: `${flag} ${evil}`,
      });
      server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
      server.end();
      await server.exited;
      expect(await readdir(folder.path)).toEqual(["evil.cjs"]);
    },
  );

  // Who may set these may do anything, and SECURITY.md says so.
  test("BUN_OPTIONS=--heap-prof of the environment writes the memory, key and all, into the working folder", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    await using server = startRaw(
      { ...toEnvironment(space), BUN_OPTIONS: "--heap-prof" },
      { cwd: folder.path },
    );
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    await server.answerTo(1);
    server.end();
    await server.exited;
    const [profile = ""] = await readdir(folder.path);
    const text = await readFile(join(folder.path, profile), "latin1");
    expect(text).toContain(space.apiKey);
  });

  test.skipIf(process.platform !== "linux").each([
    ["SSL_CERT_FILE", "ca.pem"],
    ["NODE_EXTRA_CA_CERTS", "ca.pem"],
    // What OpenSSL names the file of a certificate: a hash of its subject.
    ["SSL_CERT_DIR", "ce275665.0"],
  ])("%s of the environment adds certificates to trust", async (name, file) => {
    await using space = startSampleSpace({ tls: UNTRUSTED });
    await using folder = await startFolder();
    await writeFile(join(folder.path, file), UNTRUSTED.cert);
    const path =
      name === "SSL_CERT_DIR" ? folder.path : join(folder.path, file);
    await using server = startRaw({
      ...toEnvironment(space),
      BACKLOG_DOMAIN: space.url,
      [name]: path,
    });
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    expect(toText(await server.answerTo(1))).toStartWith("# WEB-5 ");
  });

  test("BUN_BE_BUN of the environment makes the program plain Bun", async () => {
    await using server = startRaw(
      { BUN_BE_BUN: "1" },
      { command: [BINARY, "-e", "console.log(1 + 1)"] },
    );
    expect(await server.exited).toBe(0);
    expect(server.lines).toEqual(["2"]);
  });
});

describe("docs/company.md", async () => {
  const page = await Bun.file(join(ROOT, "docs/company.md")).text();

  test("has links that lead somewhere", async () => {
    for (const [, link = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      expect(await Bun.file(join(ROOT, "docs", link)).exists()).toBe(true);
    }
  });

  test("names the files where they are read, with what they understand", async () => {
    for (const platform of ["linux", "darwin"]) {
      expect(page).toContain(`\`${toManagedFile(platform)?.path}\``);
    }
    await using folder = await startFolder();
    const path = join(folder.path, "managed.env");
    const [, text = ""] = /```sh\n([^`]+)```/.exec(page) ?? [];
    await writeFile(path, text, { mode: 0o644 });
    const { problems, restrictions } = await readSettings({
      environment: { BACKLOG_API_KEY: "0123456789abcdef" },
      usualFiles: [],
      managedFile: { path, owner: process.getuid?.() ?? 0 },
    });
    // Its domain is the placeholder: whoever copies it must fill it in.
    expect(problems.join()).toContain("leaves BACKLOG_DOMAIN to be filled in");
    expect(restrictions).toEqual([]);
  });

  test("is right that the program writes no file, and how its requests are called", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const path = folder.path;
    await using server = startRaw(
      {
        ...toEnvironment(space),
        HOME: path,
        TMPDIR: path,
        XDG_CACHE_HOME: path,
      },
      { cwd: path },
    );
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    await server.answerTo(1);
    server.end();
    await server.exited;
    expect(await readdir(path)).toEqual([]);
    expect(page).toContain("`backlog-mcp/<version>`");
    expect(space.requests[0]?.userAgent).toBe(`backlog-mcp/${version}`);
  });

  test("is right that a host of NO_PROXY is asked without a proxy", async () => {
    await using proxy = startSampleSpace();
    // No name server is asked for a name of more than 253 characters.
    const host = `${`${"a".repeat(63)}.`.repeat(4)}backlog.com`;
    await using server = startRaw({
      ...{ BACKLOG_DOMAIN: host, BACKLOG_API_KEY: "0123456789abcdef" },
      ...{ HTTPS_PROXY: proxy.url, NO_PROXY: "backlog.com" },
    });
    server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
    expect(toText(await server.answerTo(1))).toContain("could not be resolved");
    expect(proxy.requests).toEqual([]);
  });
});

describe("no error has more than 2,000 characters", () => {
  const LONG = "Long 長い\n".repeat(20_000);
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => `${LONG.slice(0, 90)}${n}`);
  const CALLS: [name: string, args: Record<string, unknown>][] = [
    ["get_issue_details", { issue_key: LONG }],
    ["get_issue_details", { issue_key: many(9) }],
    ["get_issue_details", { issue_key: "WEB-5", timezone: LONG }],
    ["get_issue_details", { issue_key: "WEB-5", [LONG]: 1 }],
    [
      "get_issue_details",
      Object.fromEntries(many(900).map((name) => [name, 1])),
    ],
    ["get_user_issue_list", { project_keys: many(900) }],
    [
      "get_user_issue_list",
      {
        assignee_names: many(900),
        status_names: many(900),
        milestone_names: many(90),
        project_keys: ["WEB"],
      },
    ],
    [
      "get_user_issue_list",
      {
        due_date_since: LONG,
        created_until: LONG,
        sort: LONG,
        limit: LONG,
        project_ids: many(900),
      },
    ],
    [LONG, {}],
  ];
  test.each([
    ["of the assistant's", {}],
    [
      "of Backlog's",
      {
        answer: () =>
          Response.json(
            { errors: many(50).map((message) => ({ message, code: 7 })) },
            { status: 400 },
          ),
      },
    ],
    [
      "of Backlog's, not as JSON",
      { answer: () => new Response(LONG, { status: 403 }) },
    ],
    [
      "of Backlog's, as a name",
      { answer: () => Response.json({ id: 1, name: LONG, userId: LONG }) },
    ],
    [
      "of a redirect",
      {
        answer: () =>
          new Response("", {
            status: 302,
            headers: {
              location: `https://${LONG.replace(/[^a-z]/gi, "").slice(0, 9_000)}.example`,
            },
          }),
      },
    ],
  ])("whatever comes %s", async (_, options: SampleSpaceOptions) => {
    await using space = startSampleSpace(options);
    await using server = startRaw({
      ...toEnvironment(space),
      USER_ID: LONG.slice(0, 9_000),
    });
    server.send(
      ...CALLS.map(([name, args], id) => ({
        ...toCall(id, "get_issue_details"),
        params: { name, arguments: args },
      })),
    );
    for (const id of CALLS.keys()) {
      const { result, error } = await server.answerTo(id);
      const text = result === undefined ? error?.message : toText({ result });
      expect(text?.length).toBeWithin(20, 2_001);
      expect(text).toBe(text?.toWellFormed());
    }
  });

  const TYPED = LONG.slice(0, 30_000);
  test.each([
    { args: [TYPED] },
    { args: ["check", TYPED] },
    { args: [`--${TYPED}`] },
    { args: ["config", TYPED, TYPED] },
  ])("whatever is typed", async ({ args }) => {
    const { stderr, code } = await start([...args]);
    expect(code).toBe(2);
    expect(stderr.length).toBeWithin(20, 2_001);
  });
});

async function startFolder() {
  const path = await mkdtemp(join(tmpdir(), "backlog-mcp-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

function readPage(): Promise<string> {
  return Bun.file(join(ROOT, "SECURITY.md")).text();
}
