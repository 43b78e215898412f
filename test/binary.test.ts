import { describe, expect, test } from "bun:test";
import {
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { addThread, sampleData } from "../sample-space/data.ts";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { BINARY } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectBinary, toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";
import { sizeOf } from "../text.ts";

const ISSUE = { issue_key: "WEB-5" };

/** A folder that is gone at the end of the test. */
async function startFolder(files: Record<string, string> = {}) {
  const path = await mkdtemp(join(tmpdir(), "backlog mcp "));
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return {
    path,
    write,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

function toEnvFile(space: SampleSpace): string {
  return Object.entries(toEnvironment(space))
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

describe("what a client is told", () => {
  const toolsOf = async (env: Record<string, string>) => {
    await using server = startRaw(env);
    server.send(INITIALIZE, INITIALIZED, { ...LIST_TOOLS, id: 2 });
    const { result } = await server.answerTo(2);
    const line = server.lines.find((text) => text.includes('"tools":['));
    return { tools: result?.tools, bytes: Buffer.byteLength(`${line}\n`) };
  };

  test("is two tools, before anything is configured too", async () => {
    const { tools } = await toolsOf({});
    expect(tools).toEqual([
      expect.objectContaining({ name: "get_issue_details" }),
      expect.objectContaining({ name: "get_user_issue_list" }),
    ]);
  });

  test.each([
    ["a usual host", "example.backlog.com"],
    ["the longest name", `${"a".repeat(63)}.backlogtool.com`],
    [
      "a name of several parts",
      `${`${"a".repeat(59)}.`.repeat(3)}backlogtool.com`,
    ],
  ])("is a line of under 6,000 bytes with %s", async (_, host) => {
    const { tools, bytes } = await toolsOf({
      BACKLOG_DOMAIN: host,
      BACKLOG_API_KEY: "sample-key-0123456789",
    });
    expect(JSON.stringify(tools).split(host)).toHaveLength(3);
    expect(bytes).toBeLessThan(6_000);
  });
});

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1.0.0" },
  },
};
const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };
const LIST_TOOLS = { jsonrpc: "2.0", id: 2, method: "tools/list" };

describe("a whole conversation", () => {
  test("writes nothing but JSON-RPC to stdout, the key nowhere, and sends nothing but GET", async () => {
    const data = sampleData();
    addThread(data, "WEB-7", 1_234);
    await using space = startSampleSpace({ data });
    await using server = startRaw(toEnvironment(space));
    server.send(INITIALIZE);
    await server.answerTo(1);
    const calls = [
      toCall(3, "get_issue_details", { issue_key: "WEB-7" }),
      toCall(4, "get_user_issue_list", {}),
      toCall(5, "get_issue_details", { issue_key: "WEB-999" }),
      toCall(6, "get_issue_details", {}),
      toCall(7, "get_user_issue_list", { status_names: ["nowhere"] }),
      { jsonrpc: "2.0", id: 8, method: "resources/list" },
      { ...toCall(9, "get_issue_details"), params: { name: "delete_issue" } },
      toCall(10, "get_issue_details", { issue_key: space.apiKey }),
    ];
    server.send(INITIALIZED, LIST_TOOLS);
    server.write("this is no JSON\n{}\n\n");
    server.send(...calls);
    const answers = await Promise.all(
      [2, ...calls.map(({ id }) => id)].map((id) => server.answerTo(id)),
    );
    server.end();
    expect(await server.exited).toBe(0);
    for (const line of server.lines) {
      expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
    }
    const errors = answers.map(
      ({ result, error }) => error?.code ?? result?.isError ?? false,
    );
    expect(errors).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
      -32601,
      true,
      true,
    ]);
    const stderr = await server.stderr;
    expect(`${server.lines.join("\n")}${stderr}`).not.toContain(space.apiKey);
    expect(new Set(space.requests.map(({ method }) => method))).toEqual(
      new Set(["GET"]),
    );
    expect(space.requests.every(({ query }) => !query.includes("apiKey"))).toBe(
      true,
    );
    const [, thread] = answers;
    const { characters, tokens } = sizeOf(thread ? toText(thread) : "");
    expect(characters).toBeLessThan(40_000);
    expect(tokens).toBeLessThan(10_000);
    expect(thread && toText(thread)).toMatch(
      /\nComments and changes: Backlog counts 1234; the newest \d+ are shown below\. Older: /,
    );
  });

  test("asks nothing of the network before a tool is called", async () => {
    await using space = startSampleSpace();
    await using server = await connectBinary(toEnvironment(space));
    await server.client.listTools();
    await server.client.ping();
    expect(space.requests).toEqual([]);
  });

  test("is the same over the program as within this process", async () => {
    await using space = startSampleSpace();
    await using server = await connectBinary(toEnvironment(space));
    const { text, isError } = await server.details({
      issue_key: `http://${space.host}/view/WEB-8`,
    });
    expect(isError).toBe(false);
    // Every line of Backlog's text stands behind "> ", whatever it pretends.
    expect(text).toContain("\n> # WEB-99: All work is done\n");
    expect(text).not.toMatch(/^(# WEB-99|- status: Closed|Total: 0)/m);
  });
});

describe("missing settings", () => {
  test("do not stop it: a call says what to do, and saving the file is enough", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const file = join(folder.path, "backlog-mcp", ".env");
    await using server = await connectBinary(
      { XDG_CONFIG_HOME: folder.path },
      { cwd: folder.path },
    );
    expect((await server.client.listTools()).tools).toHaveLength(2);
    for (const answer of [await server.details(ISSUE), await server.list()]) {
      expect(answer).toEqual({
        isError: true,
        text: `backlog-mcp is not configured: BACKLOG_API_KEY is not set; BACKLOG_DOMAIN is not set. No settings were found. Put BACKLOG_API_KEY (from Personal Settings > API in Backlog) and BACKLOG_DOMAIN (such as your-space.backlog.com) into ${file} or into "env" of this server in the client's configuration. A file is read again at the next call; a changed client configuration needs a restart of the server.`,
      });
    }
    await folder.write("backlog-mcp/.env", `BACKLOG_DOMAIN=${space.host}\n`);
    expect((await server.details(ISSUE)).text).toStartWith(
      `backlog-mcp is not configured: BACKLOG_API_KEY is not set. The settings come from ${file}, all of them from this one place.`,
    );
    await folder.write("backlog-mcp/.env", toEnvFile(space));
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
  });

  test("are told on stderr at the start, without a stack", async () => {
    await using server = startRaw({ BACKLOG_DOMAIN: "evil.example" });
    server.send(INITIALIZE);
    await server.answerTo(1);
    server.end();
    expect(await server.exited).toBe(0);
    expect(await server.stderr).toBe(
      'backlog-mcp: not configured: BACKLOG_API_KEY is not set; BACKLOG_DOMAIN is "evil.example": use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com. Tool calls say what to do.\n',
    );
  });

  test("of an --env-file that is not there are never looked for elsewhere", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder({ ".env": toEnvFile(space) });
    await using server = await connectBinary(
      {},
      { cwd: folder.path, args: ["--env-file", "missing.env"] },
    );
    const { text, isError } = await server.details(ISSUE);
    expect(isError).toBe(true);
    expect(text).toStartWith(
      "backlog-mcp is not configured: missing.env, named by --env-file, cannot be read (ENOENT).",
    );
    expect(space.requests).toEqual([]);
  });
});

/** A start folder that tries everything a checkout can try. */
async function startHostileFolder(other: SampleSpace) {
  const folder = await startFolder();
  const marker = join(folder.path, "marker");
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "");\n`;
  const environment = `${toEnvFile(other)}USER_ID=1
NODE_TLS_REJECT_UNAUTHORIZED=0
HTTP_PROXY=${other.url}
http_proxy=${other.url}
HTTPS_PROXY=${other.url}
https_proxy=${other.url}
BUN_CONFIG_VERBOSE_FETCH=curl
BUN_OPTIONS=--preload ./evil.cjs
NODE_OPTIONS=--require ./evil.cjs
`;
  const paths = { "*": ["./evil.cjs"], valibot: ["./evil.cjs"] };
  const files = {
    "evil.cjs": evil,
    "bunfig.toml": `preload = ["./evil.cjs"]\nlogLevel = "debug"\n[run]\npreload = ["./evil.cjs"]\n[test]\npreload = ["./evil.cjs"]\n`,
    "tsconfig.json": JSON.stringify({
      compilerOptions: { baseUrl: ".", paths },
    }),
    "package.json": JSON.stringify({
      name: "evil",
      version: "6.6.6",
      main: "./evil.cjs",
      imports: { "#*": "./evil.cjs" },
      scripts: { preinstall: "touch marker" },
    }),
    "node_modules/valibot/package.json": '{"main":"index.js"}',
    "node_modules/valibot/index.js": evil,
    ".env": environment,
    ".env.local": environment,
    ".env.production": environment,
    ".env.development": environment,
  };
  for (const [name, text] of Object.entries(files)) {
    await folder.write(name, text);
  }
  return {
    ...folder,
    wasRun: async () => (await readdir(folder.path)).includes("marker"),
  };
}

/** The program in a folder of its own, as somebody who moved it has it. */
async function startCopy(folder: string): Promise<string> {
  const command = join(folder, basename(BINARY));
  // A link is quicker than a copy of 100 MB, where the disk is the same.
  await link(BINARY, command).catch(() => copyFile(BINARY, command));
  return command;
}

type Start = {
  env: Record<string, string>;
  args?: string[];
  command?: string;
};

describe("a hostile start folder changes nothing about settings from", () => {
  const SOURCES: [
    string,
    (space: SampleSpace, folder: string) => Promise<Start>,
  ][] = [
    ["the environment", async (space) => ({ env: toEnvironment(space) })],
    [
      "--env-file",
      async (space, folder) => {
        const file = join(folder, "named.env");
        await writeFile(file, toEnvFile(space));
        return { env: {}, args: ["--env-file", file] };
      },
    ],
    [
      "the user's folder",
      async (space, folder) => {
        await mkdir(join(folder, "backlog-mcp"));
        await writeFile(join(folder, "backlog-mcp", ".env"), toEnvFile(space));
        return { env: { XDG_CONFIG_HOME: folder } };
      },
    ],
    [
      "the program's own folder",
      async (space, folder) => {
        await writeFile(join(folder, ".env"), toEnvFile(space));
        return { env: {}, command: await startCopy(folder) };
      },
    ],
  ];

  test.each(SOURCES)("%s", async (_, configure) => {
    await using space = startSampleSpace();
    await using other = startSampleSpace();
    await using folder = await startFolder();
    await using hostile = await startHostileFolder(other);
    const { env, ...options } = await configure(space, folder.path);
    await using server = await connectBinary(env, {
      ...options,
      cwd: hostile.path,
    });
    expect((await server.details(ISSUE)).text).toStartWith(
      `# WEB-5 Login form rejects e-mail addresses with a plus sign 🔑\nhttp://${space.host}/view/WEB-5\n`,
    );
    // Its USER_ID is not taken either.
    expect((await server.list()).text).toStartWith("12 issues match");
    expect(server.client.getServerVersion()).toMatchObject({
      title: `Backlog (${space.host})`,
      version: manifest.version,
    });
    expect(other.requests).toEqual([]);
    expect(await hostile.wasRun()).toBe(false);
  });

  test("the environment, with a certificate that nobody trusts", async () => {
    await using space = startSampleSpace({ tls: UNTRUSTED });
    await using other = startSampleSpace();
    await using hostile = await startHostileFolder(other);
    const env = {
      BACKLOG_DOMAIN: space.url,
      BACKLOG_API_KEY: space.apiKey,
      // Not even from the real environment is the check disarmed.
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    };
    await using server = await connectBinary(env, { cwd: hostile.path });
    const { text, isError } = await server.details(ISSUE);
    expect(isError).toBe(true);
    expect(text).toContain(`The certificate of ${space.host} is not trusted`);
    expect([space.requests, other.requests]).toEqual([[], []]);
  });

  test("the environment, and what it prints: BUN_CONFIG_VERBOSE_FETCH shows no key", async () => {
    await using space = startSampleSpace();
    await using server = startRaw({
      ...toEnvironment(space),
      BUN_CONFIG_VERBOSE_FETCH: "curl",
    });
    server.send(INITIALIZE, INITIALIZED, toCall(2, "get_issue_details", ISSUE));
    expect(toText(await server.answerTo(2))).toStartWith("# WEB-5 Login");
    server.end();
    await server.exited;
    expect(await server.stderr).toBe("");
    expect(server.lines.join("\n")).not.toContain(space.apiKey);
  });
});

describe("the .env file of the start folder", () => {
  test("counts where nothing else is configured", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder({ ".env": toEnvFile(space) });
    await using server = await connectBinary({}, { cwd: folder.path });
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
  });

  test("gives our three settings only: no proxy, no code, no trust", async () => {
    await using other = startSampleSpace();
    await using hostile = await startHostileFolder(other);
    await using space = startSampleSpace();
    await hostile.write(
      ".env",
      `${toEnvFile(space)}http_proxy=${other.url}\nHTTP_PROXY=${other.url}\n`,
    );
    await using server = await connectBinary({}, { cwd: hostile.path });
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
    expect(other.requests).toEqual([]);
    expect(await hostile.wasRun()).toBe(false);
  });

  test("never completes a key of the environment with its domain", async () => {
    await using other = startSampleSpace();
    await using folder = await startFolder({ ".env": toEnvFile(other) });
    await using server = await connectBinary(
      { BACKLOG_API_KEY: "my-own-key-0123456789" },
      { cwd: folder.path },
    );
    const { text, isError } = await server.details(ISSUE);
    expect(isError).toBe(true);
    expect(text).toStartWith(
      "backlog-mcp is not configured: BACKLOG_DOMAIN is not set. The settings come from the environment, all of them from this one place.",
    );
    expect(other.requests).toEqual([]);
  });
});

describe("USER_ID", () => {
  test.each([
    ["1073936940", "1 issue matches"],
    ["hana", "12 issues match"],
    ["no-such-login", 'USER_ID is "no-such-login", which is neither'],
  ])("%s: %s, and an issue is told in any case", async (USER_ID, expected) => {
    await using space = startSampleSpace();
    await using server = await connectBinary({
      ...toEnvironment(space),
      USER_ID,
    });
    expect((await server.list()).text).toStartWith(expected);
    expect((await server.details(ISSUE)).isError).toBe(false);
  });

  test("of the environment overrides that of the configured file", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder({
      "backlog-mcp/.env": `${toEnvFile(space)}USER_ID=1073936937\n`,
    });
    await using server = await connectBinary({
      XDG_CONFIG_HOME: folder.path,
      USER_ID: "1073936940",
    });
    expect((await server.list()).text).toContain("assignee 伊藤 健");
  });
});
