import { describe, expect, test } from "bun:test";
import { copyFile, link, mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { BINARY, startFolder } from "../scripts/build.ts";
import { connectBinary, toEnvironment } from "../scripts/connect.ts";
import { OPENING, startRaw, toCall } from "../scripts/raw-client.ts";
import { start } from "./helpers.ts";

const ISSUE = { issue_key: "WEB-5" };

async function write(folder: string, files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await Bun.write(join(folder, name), text);
  }
}

function toEnvFile(space: SampleSpace, more = ""): string {
  const { BACKLOG_DOMAIN, BACKLOG_API_KEY } = toEnvironment(space);
  return `BACKLOG_DOMAIN=${BACKLOG_DOMAIN}\nBACKLOG_API_KEY=${BACKLOG_API_KEY}\n${more}`;
}

describe("a whole conversation", () => {
  /** Cut within the key, which may leave no part of it. */
  const toLong = ({ apiKey }: SampleSpace) => `${"x".repeat(50)}${apiKey}`;

  test("asks nothing of the network before a tool is called, then sends nothing but GET, writes nothing but JSON-RPC to stdout, and the key nowhere", async () => {
    await using space = startSampleSpace();
    await using server = startRaw(toEnvironment(space));
    const _meta = { "io.modelcontextprotocol/protocolVersion": space.apiKey };
    const calls = [
      toCall(3, "get_issue_details", { issue_key: "WEB-7" }),
      toCall(4, "get_user_issue_list", {}),
      toCall(5, "get_issue_details", { issue_key: "WEB-999" }),
      toCall(6, "get_issue_details", {}),
      toCall(7, "get_user_issue_list", { status_names: ["nowhere"] }),
      { jsonrpc: "2.0", id: 8, method: "resources/list" },
      { ...toCall(9, "get_issue_details"), params: { name: toLong(space) } },
      toCall(10, "get_issue_details", { ...ISSUE, timezone: toLong(space) }),
      { jsonrpc: "2.0", id: 11, method: "ping", params: { _meta } },
    ];
    server.send(...OPENING);
    const { result } = await server.answerTo("list");
    expect(result?.tools).toHaveLength(2);
    expect(space.requests).toEqual([]);
    server.write("this is no JSON\n{}\n\n");
    server.send(...calls);
    for (const { id } of calls) await server.answerTo(id);
    server.end();
    expect(await server.exited).toBe(0);
    for (const line of server.lines) {
      expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
    }
    const stderr = await server.stderr;
    const said = `${server.lines.join("\n")}${stderr}`;
    expect(said).not.toContain(space.apiKey.slice(0, 8));
    const sent = space.requests.map(({ method, query }) =>
      query.includes("apiKey") ? query : method,
    );
    expect(new Set(sent)).toEqual(new Set(["GET"]));
  });
});

describe("the key is not shown", () => {
  const key = "own-key-0123456789";
  test.each([
    ["typed where a command stands", [key], {}],
    ["named as a file", ["config", "--env-file", `/${key}/.env`], {}],
  ])("where it is %s", async (_, args, more) => {
    const env = { BACKLOG_API_KEY: key, ...more };
    const { stdout, stderr } = await start(args, { env });
    expect(stdout + stderr).not.toContain(key);
    expect(stdout + stderr).toContain("[API key]");
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
      expect(answer.isError).toBe(true);
      expect(answer.text).toContain(`No settings were found. Put `);
      expect(answer.text).toContain(` into ${file} or into "env" of `);
    }
    await Bun.write(file, `BACKLOG_DOMAIN=${space.host}\n`);
    expect((await server.details(ISSUE)).text).toStartWith(
      `backlog-mcp is not configured: BACKLOG_API_KEY is not set. The settings come from ${file}, all of them from this one place.`,
    );
    await Bun.write(file, toEnvFile(space));
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
  });

  test("are told on stderr at the start, without a stack", async () => {
    await using server = startRaw({ BACKLOG_DOMAIN: "evil.example" });
    server.send(...OPENING);
    await server.answerTo("list");
    server.end();
    expect(await server.exited).toBe(0);
    expect(await server.stderr).toBe(
      'backlog-mcp: not configured: BACKLOG_API_KEY is not set; BACKLOG_DOMAIN is "evil.example": use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com. Tool calls say what to do.\n',
    );
  });
});

/** A start folder that tries everything a checkout can try. */
async function startHostileFolder(other: SampleSpace, env = toEnvFile(other)) {
  const folder = await startFolder();
  const marker = join(folder.path, "marker");
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "");\n`;
  const environment = `${env}USER_ID=1
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
  await write(folder.path, {
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
  });
  return {
    ...folder,
    wasRun: async () => (await readdir(folder.path)).includes("marker"),
  };
}

type Start = {
  env: Record<string, string>;
  args?: string[];
  command?: string;
};

describe("a hostile start folder changes nothing about settings from", () => {
  const SOURCES: [
    string,
    (space: SampleSpace, folder: string) => Start | Promise<Start>,
  ][] = [
    ["the environment", (space) => ({ env: toEnvironment(space) })],
    [
      "--env-file",
      async (space, folder) => {
        await write(folder, { "named.env": toEnvFile(space) });
        return { env: {}, args: ["--env-file", join(folder, "named.env")] };
      },
    ],
    [
      "the user's folder",
      async (space, folder) => {
        await write(folder, { "backlog-mcp/.env": toEnvFile(space) });
        return { env: { XDG_CONFIG_HOME: folder } };
      },
    ],
    [
      "the program's own folder",
      async (space, folder) => {
        await write(folder, { ".env": toEnvFile(space) });
        const command = join(folder, basename(BINARY));
        // A link is quicker than a copy of 100 MB, where the disk is the same.
        await link(BINARY, command).catch(() => copyFile(BINARY, command));
        return { env: {}, command };
      },
    ],
  ];

  test.each(SOURCES)("%s", async (_, configure) => {
    await using space = startSampleSpace();
    await using other = startSampleSpace();
    await using folder = await startFolder();
    await using hostile = await startHostileFolder(other);
    const { env, ...options } = await configure(space, folder.path);
    const start = { ...options, cwd: hostile.path };
    await using server = await connectBinary(env, start);
    expect((await server.details(ISSUE)).text).toStartWith(
      `# WEB-5 Login form rejects e-mail addresses with a plus sign 🔑\nhttp://${space.host}/view/WEB-5\n`,
    );
    // Its USER_ID is not taken either.
    expect((await server.list()).text).toStartWith("12 issues match");
    expect(other.requests).toEqual([]);
    expect(await hostile.wasRun()).toBe(false);
  });
});

describe("the .env file of the start folder", () => {
  test("counts where nothing else is configured, for our settings only: no proxy, no code, no trust", async () => {
    await using other = startSampleSpace();
    await using space = startSampleSpace();
    await using hostile = await startHostileFolder(other, toEnvFile(space));
    const env = { USER_ID: "1073936940" };
    await using server = await connectBinary(env, { cwd: hostile.path });
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
    // The environment's USER_ID overrides the file's.
    expect((await server.list()).text).toContain("assignee 伊藤 健");
    expect(other.requests).toEqual([]);
    expect(await hostile.wasRun()).toBe(false);
  });
});
