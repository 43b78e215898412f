import { describe, expect, test } from "bun:test";
import { copyFile, link, readdir } from "node:fs/promises";
import { basename } from "node:path";
import { type SampleSpace, startSampleSpace } from "../sample-space/server.ts";
import { BINARY, runToEnd, startFolder } from "../scripts/build.ts";
import { connectBinary, toEnvFile, toEnvironment } from "../scripts/connect.ts";
import { OPENING, startRaw } from "../scripts/raw-client.ts";
import { askOnce } from "./helpers.ts";

const ISSUE = { issue_key: "WEB-5" };

describe("missing settings", () => {
  test("do not stop it: a call says what to do, and saving the file is enough", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const file = folder.at("backlog-mcp/.env");
    const env = { XDG_CONFIG_HOME: folder.path };
    await using server = await connectBinary(env, { cwd: folder.path });
    expect((await server.client.listTools()).tools).toHaveLength(2);
    for (const answer of [await server.details(ISSUE), await server.list()]) {
      expect(answer.isError).toBe(true);
      expect(answer.text).toContain(`No settings were found. Put `);
      expect(answer.text).toContain(` into ${file} or into "env" of `);
    }
    await Bun.write(file, toEnvFile(space));
    expect((await server.details(ISSUE)).text).toStartWith("# WEB-5 Login");
  });

  test("are told on stderr also where stdin is /dev/null", async () => {
    const env = { HOME: "/nonexistent", APPDATA: "/nonexistent" };
    const { stderr } = await runToEnd([BINARY], { env });
    expect(stderr).toStartWith("backlog-mcp: not configured: BACKLOG_API_KEY");
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

// A checkout may go while its session is open; Windows lets nobody remove it.
test.skipIf(process.platform === "win32")(
  "starts in a folder that has been removed, whatever is configured",
  async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const remove = 'rmdir "$PWD" && exec "$0" "$@"';
    const command = ["sh", "-c", remove, BINARY];
    const { text, stderr } = await askOnce(toEnvironment(space), {
      command,
      cwd: folder.path,
    });
    expect(text).toStartWith("# WEB-5 Login");
    expect(stderr).toBe("");
  },
);

type Start = {
  env?: Record<string, string>;
  args?: string[];
  command?: string;
};

/**
 * Both tools, asked in a start folder that tries everything a checkout can try,
 * among it to be configured for `named`. Nothing of it may reach `other`.
 */
async function askInHostileFolder(
  { env = {}, ...start }: Start,
  { named, other }: { named: SampleSpace; other: SampleSpace },
) {
  const evil = 'require("node:fs").writeFileSync("marker", "");\n';
  const environment = `${toEnvFile(named)}USER_ID=1
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
  await using folder = await startFolder({
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
  const options = { ...start, cwd: folder.path };
  await using server = await connectBinary(env, options);
  const texts = [await server.details(ISSUE), await server.list()];
  expect(other.requests).toEqual([]);
  expect(await readdir(folder.path)).not.toContain("marker");
  return texts.map(({ text }) => text);
}

describe("a hostile start folder changes nothing about settings from", () => {
  type Configure = (
    at: (name: string) => string,
    space: SampleSpace,
  ) => Start | Promise<Start>;
  test.each<[string, Configure]>([
    ["the environment", (_, space) => ({ env: toEnvironment(space) })],
    ["--env-file", (at) => ({ args: ["--env-file", at("named.env")] })],
    ["the user's folder", (at) => ({ env: { XDG_CONFIG_HOME: at("home") } })],
    [
      "the program's own folder",
      async (at) => {
        const command = at(basename(BINARY));
        // A link is quicker than a copy of 100 MB, where the disk is the same.
        await link(BINARY, command).catch(() => copyFile(BINARY, command));
        return { command };
      },
    ],
  ])("%s", async (_, configure) => {
    await using space = startSampleSpace();
    await using other = startSampleSpace();
    const text = toEnvFile(space);
    await using folder = await startFolder({
      ...{ "named.env": text, "home/backlog-mcp/.env": text, ".env": text },
    });
    const start = await configure(folder.at, space);
    const [issue, list] = await askInHostileFolder(start, {
      named: other,
      other,
    });
    expect(issue).toStartWith(
      `# WEB-5 Login form rejects e-mail addresses with a plus sign 🔑\nhttp://${space.host}/view/WEB-5\n`,
    );
    // Its USER_ID is not taken either.
    expect(list).toStartWith("12 issues match");
  });
});

test("the .env file of the start folder counts where nothing else is configured, for our settings only: no proxy, no code, no trust", async () => {
  await using named = startSampleSpace();
  await using other = startSampleSpace();
  // The environment's USER_ID overrides the file's.
  const start = { env: { USER_ID: "1073936940" } };
  const [issue, list] = await askInHostileFolder(start, { named, other });
  expect(issue).toStartWith("# WEB-5 Login");
  expect(list).toContain("assignee 伊藤 健");
});

const MANAGED = "/etc/backlog-mcp/managed.env";
const UNSHARE = ["unshare", "--mount", "sh", "-c"];

/** Starts the program with a managed.env where it really stands, seen by it alone. */
function toManagedCommand(owner = "0"): string[] {
  const script = [
    "mount -t tmpfs none /etc",
    "mkdir /etc/backlog-mcp",
    `printf '%s' "$TEXT" > ${MANAGED}`,
    `chmod 644 ${MANAGED}`,
    `chown ${owner} ${MANAGED}`,
    'exec "$0" "$@"',
  ].join(" && ");
  return [...UNSHARE, script, BINARY];
}

async function askManaged(text: string, owner?: string) {
  await using space = startSampleSpace();
  const env = { ...toEnvironment(space), TEXT: text };
  return await askOnce(env, { command: toManagedCommand(owner) });
}

// A mount of its own needs root, and Linux.
const CAN_MOUNT =
  process.platform === "linux" &&
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...UNSHARE, "mount -t tmpfs none /etc"]).success;

describe.skipIf(!CAN_MOUNT)("a real managed.env", () => {
  test.each([
    [
      "one domain, whatever the user's settings name",
      "BACKLOG_DOMAIN=acme.backlog.com",
      /BACKLOG_DOMAIN of the environment is 127\.0\.0\.1:\d+, but \/etc\/backlog-mcp\/managed\.env allows acme\.backlog\.com alone/,
    ],
    [
      "nothing of another project",
      "BACKLOG_PROJECTS=OPS",
      / has nothing to show\. .* BACKLOG_PROJECTS leaves it out\./,
    ],
  ])("allows %s", async (_, text, expected) => {
    expect((await askManaged(text)).text).toMatch(expected);
  });

  test("that is somebody else's does not count, and stderr says so", async () => {
    const { text, stderr } = await askManaged("BACKLOG_PROJECTS=OPS", "1000");
    expect(text).toStartWith("# WEB-5 ");
    expect(stderr).toBe(
      `backlog-mcp: ${MANAGED} does not count: it does not belong to root.\n`,
    );
  });

  test("completes a file that a client is to name", async () => {
    await using folder = await startFolder({
      "my.env": "BACKLOG_API_KEY=abcdefghijklmnop0123456789\n",
    });
    const config = ["config", "gemini", "--env-file", folder.at("my.env")];
    const { stderr } = await runToEnd([...toManagedCommand(), ...config], {
      env: { ...process.env, TEXT: "BACKLOG_DOMAIN=acme.backlog.com" },
    });
    expect(stderr).toContain("The settings are read from");
  });
});
