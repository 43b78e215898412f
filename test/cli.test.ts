import { describe, expect, test } from "bun:test";
import { copyFile, mkdir, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrap } from "../cli.ts";
import {
  CLIENTS,
  type Client,
  describePlace,
  type Entry,
  findClient,
  findLastingPath,
  formatCommand,
  formatConfig,
  toClientFile,
  toSettingsFrom,
} from "../clients.ts";
import { version } from "../package.json";
import { listUsualFiles } from "../places.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { BINARY, ROOT, startFolder } from "../scripts/build.ts";
import { connectBinary, toEnvironment } from "../scripts/connect.ts";
import { readSettings, toDomain } from "../settings.ts";
import { start, writeUserFile } from "./helpers.ts";

const POSIX = process.platform !== "win32";
const KEY = "sample-key-0123456789abcdefghijklmnop";

describe("the command line", () => {
  test.each(["--version", "-v", "version"])("%s is one line", async (word) => {
    const expected = { stdout: `${version}\n`, stderr: "", code: 0 };
    expect(await start([word])).toEqual(expected);
  });

  test.each(["--help", "-h", "help"])("%s names all there is", async (word) => {
    const { stdout, stderr, code } = await start([word]);
    for (const name of [
      ...["check", "config", "--env-file", "--version", "--help"],
      ...["BACKLOG_API_KEY", "BACKLOG_DOMAIN", "USER_ID", "BACKLOG_PROJECTS"],
      ...CLIENTS,
    ]) {
      expect(stdout).toContain(name);
    }
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  });

  const ALL = "For what there is: backlog-mcp --help";
  const REST = "For the rest: backlog-mcp --help";
  const SEE = "See backlog-mcp --help";
  test.each([
    ["chek", `There is no command "chek". Did you mean check? ${REST}`],
    ["cfg", `There is no command "cfg". Did you mean config? ${REST}`],
    ["Check", `There is no command "Check". Did you mean check? ${REST}`],
    ["codx", `There is no command "codx". Did you mean config codex? ${REST}`],
    ["nonsense", `There is no command "nonsense". ${ALL}`],
    [
      "--verison",
      `There is no option "--verison". Did you mean --version? ${REST}`,
    ],
    ["--check", `There is no option "--check". Did you mean check? ${REST}`],
    ["--env=x", `There is no option "--env". Did you mean --env-file? ${REST}`],
    ["-q", `There is no option "-q". ${ALL}`],
    [KEY, `There is no command of this name. ${ALL}`],
    [`--${KEY}`, `There is no option of this name. ${ALL}`],
    [`--api-key=${KEY}`, `There is no option "--api-key". ${ALL}`],
    ["config codex gemini", `config takes one client. ${SEE}`],
    ["check now", `check takes no argument. ${SEE}`],
    ["--version=1", `--version takes no value. ${SEE}`],
    ["check --env-file", `--env-file needs the path of a file. ${SEE}`],
  ])("%s is refused in one line", async (line, message) => {
    const stderr = `backlog-mcp: ${message}\n`;
    const expected = { stdout: "", stderr, code: 2 };
    expect(await start(line.split(" "))).toEqual(expected);
  });

  test("--version and --help evaluate neither the SDK nor zod", async () => {
    const reached = await listStaticImports(["index.ts", "cli.ts"]);
    expect(reached).toContain("clients.ts");
    expect(reached.filter((name) => /^(@model|zod)/.test(name))).toEqual([]);
  });

  test("serving evaluates what reads settings and answers the start, no more", async () => {
    const reached = await listStaticImports(["index.ts"]);
    expect(reached.toSorted()).toEqual([
      "handshake.ts",
      "index.ts",
      "package.json",
      "places.ts",

      "settings.ts",
      "stdio.ts",
    ]);
  });
});

/** What is evaluated with these files: no macro, and no `await import()`. */
async function listStaticImports(entries: string[]): Promise<string[]> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const reached = new Set(entries);
  for (const file of reached) {
    if (!file.endsWith(".ts")) continue;
    const source = await Bun.file(join(ROOT, file)).text();
    const kept = source.replace(/^import .* with \{ type: "macro" \};$/gm, "");
    for (const { path, kind } of transpiler.scanImports(kept)) {
      if (kind === "import-statement") reached.add(path.replace(/^\.\//, ""));
    }
  }
  return [...reached];
}

describe("wrap", () => {
  const LONG = "one two three four five six seven eight nine ten eleven";
  test.each([
    ["a line that fits", "one two", "one two"],
    [
      "a longer one, and it stays one item",
      `- ${LONG}`,
      "- one two three four five six seven\n  eight nine ten eleven",
    ],
    [
      "what takes two columns a letter",
      "課題".repeat(9).concat(" 完了 完了"),
      `${"課題".repeat(9)}\n  完了 完了`,
    ],
    [
      "a path, which is not broken",
      `a ${"/path".repeat(10)}`,
      `a\n  ${"/path".repeat(10)}`,
    ],
    ["what is to be copied", `  ${LONG}`, `  ${LONG}`],
  ])("%s", (_, text, expected) => {
    expect(wrap(text, 40)).toBe(expected);
  });

  test("nothing, where there is no terminal or hardly one", () => {
    expect(wrap(LONG, undefined)).toBe(LONG);
    expect(wrap(LONG, 10)).toBe(LONG);
  });
});

test.each([
  ["codex", "codex"],
  ["Codex", "codex"],
  ["VS Code", "vscode"],
  ["Claude-Desktop", "claude-desktop"],
  ["CLAUDE_CODE", "claude-code"],
  ["claude", undefined],
  ["emacs", undefined],
  ["", undefined],
] as const)("findClient: %p is %p", (word, client) => {
  expect(findClient(word)).toBe(client);
});

const PATHS = [
  { platform: "linux", path: '/opt/my tools/it\'s "$HOME" `x`/backlog-mcp' },
  { platform: "darwin", path: "/Users/花/Tools & Apps!/backlog-mcp" },
  { platform: "linux", path: "/usr/local/bin/backlog-mcp" },
  {
    platform: "win32",
    path: "C:\\Program Files\\backlog-mcp\\backlog-mcp.exe",
  },
  { platform: "win32", path: "\\\\server\\new tools\\backlog-mcp.exe" },
];
const SETTINGS: Entry["settings"][] = [
  { kind: "user's file" },
  { kind: "--env-file", file: '/home/hana/my settings/"work".env' },
  { kind: "--env-file", file: "C:\\Users\\hana\\work.env" },
  { kind: "client", domain: undefined },
  { kind: "client", domain: "example.backlog.jp" },
];
const ENTRIES = PATHS.flatMap(({ platform, path }) =>
  SETTINGS.map((settings) => ({
    platform,
    entry: { path, settings },
    args: settings.kind === "--env-file" ? ["--env-file", settings.file] : [],
    env:
      settings.kind === "client"
        ? {
            BACKLOG_API_KEY: "your-api-key",
            BACKLOG_DOMAIN: settings.domain ?? "your-space.backlog.com",
          }
        : undefined,
  })),
);

/** What a client makes of an entry. */
function toServer({ entry, args, env }: (typeof ENTRIES)[number]) {
  return {
    command: entry.path,
    ...(args.length > 0 && { args }),
    ...(env && { env }),
  };
}

describe("formatConfig", () => {
  const JSON_CLIENTS: (Client | undefined)[] = [
    undefined,
    "claude-desktop",
    "cursor",
    "gemini",
  ];

  test.each(JSON_CLIENTS)("%p: JSON that parses back", (client) => {
    for (const example of ENTRIES) {
      const { entry, platform } = example;
      const text = formatConfig(client, entry, platform);
      const servers = { backlog: toServer(example) };
      expect(JSON.parse(text)).toEqual({ mcpServers: servers });
    }
  });

  test("codex: TOML that parses back", () => {
    for (const example of ENTRIES) {
      const { entry, platform } = example;
      const text = formatConfig("codex", entry, platform);
      const servers = { backlog: toServer(example) };
      expect<unknown>(Bun.TOML.parse(text)).toEqual({ mcp_servers: servers });
    }
  });

  test("vscode: JSON that parses back, asking for what is not known", () => {
    for (const example of ENTRIES) {
      const { entry, platform, env } = example;
      const { inputs, servers } = JSON.parse(
        formatConfig("vscode", entry, platform),
      );
      const asked = {
        BACKLOG_API_KEY: `\${input:backlog-api-key}`,
        BACKLOG_DOMAIN: env?.BACKLOG_DOMAIN.replace(
          "your-space.backlog.com",
          `\${input:backlog-domain}`,
        ),
      };
      expect(servers).toEqual({
        backlog: {
          type: "stdio",
          ...toServer(example),
          ...(env && { env: asked }),
        },
      });
      const ids = [...JSON.stringify(servers).matchAll(/\$\{input:([\w-]+)/g)];
      expect((inputs ?? []).map(({ id }: { id: string }) => id)).toEqual(
        ids.map(([, id]) => id),
      );
      const [key] = inputs ?? [];
      if (env)
        expect(key).toMatchObject({ type: "promptString", password: true });
    }
  });

  const COMMANDS = ["claude-code", "codex", "gemini"] as const;

  test.if(POSIX).each(COMMANDS)(
    "%s: words that a POSIX shell takes apart",
    async (client) => {
      const [program = ""] = client.split("-");
      const scope = ["--scope", "user"];
      for (const { entry, platform, args, env } of ENTRIES) {
        if (platform === "win32") continue;
        const words = await splitByShell(
          formatCommand(client, entry, platform),
        );
        const option = client === "codex" ? "--env" : "-e";
        const variables = Object.entries(env ?? {}).flatMap(([name, value]) => [
          option,
          `${name}=${value}`,
        ]);
        const plain = ["backlog", entry.path, ...scope, ...variables];
        const named = {
          "claude-code": ["backlog", ...scope, "--", entry.path, ...args],
          codex: ["backlog", ...variables, "--", entry.path, ...args],
          gemini: [...scope, "backlog", entry.path, "--", ...args],
        }[client];
        const isPlain = args.length === 0 && client !== "codex";
        expect(words).toEqual([
          ...[program, "mcp", "add"],
          ...(isPlain ? plain : named),
        ]);
      }
    },
  );

  const FILE = "C:\\Users\\a$b\\work.env";
  test.each([
    [
      "claude-code",
      { kind: "user's file" },
      'claude mcp add backlog "C:\\My Tools\\backlog-mcp.exe" --scope user',
    ],
    [
      "claude-code",
      { kind: "--env-file", file: FILE },
      'claude mcp add backlog --scope user "--" "C:\\My Tools\\backlog-mcp.exe" --env-file "C:\\Users\\a`$b\\work.env"',
    ],
    [
      "claude-code",
      { kind: "client", domain: "example.backlog.jp" },
      'claude mcp add backlog "C:\\My Tools\\backlog-mcp.exe" --scope user -e BACKLOG_API_KEY=your-api-key -e BACKLOG_DOMAIN=example.backlog.jp',
    ],
    [
      "codex",
      { kind: "user's file" },
      'codex mcp add backlog "--" "C:\\My Tools\\backlog-mcp.exe"',
    ],
  ] as const)("%s: quoted for PowerShell, %p", (client, settings, command) => {
    const path = "C:\\My Tools\\backlog-mcp.exe";
    const entry = { path, settings };
    expect(formatCommand(client, entry, "win32")).toBe(command);
  });
});

async function splitByShell(command: string): Promise<string[]> {
  const script = `set -- ${command.trimEnd()}; printf '%s\\0' "$@"`;
  const shell = Bun.spawn(["/bin/sh", "-c", script], { env: { HOME: "/no" } });
  const text = await shell.stdout.text();
  return text.split("\0").slice(0, -1);
}

describe("toClientFile", () => {
  const LINUX = { platform: "linux", environment: {}, home: "/home/hana" };
  const home = "C:\\Users\\hana";

  test.each([
    {
      system: { platform: "darwin", environment: {}, home: "/Users/hana" },
      files: [
        "/Users/hana/Library/Application Support/Claude/claude_desktop_config.json",
        "/Users/hana/.cursor/mcp.json",
        "/Users/hana/Library/Application Support/Code/User/mcp.json",
        "/Users/hana/.codex/config.toml",
        "/Users/hana/.gemini/settings.json",
      ],
    },
    {
      system: LINUX,
      files: [
        "/home/hana/.config/Claude/claude_desktop_config.json",
        "/home/hana/.cursor/mcp.json",
        "/home/hana/.config/Code/User/mcp.json",
        "/home/hana/.codex/config.toml",
        "/home/hana/.gemini/settings.json",
      ],
    },
    {
      system: {
        ...LINUX,
        environment: { XDG_CONFIG_HOME: "/x", CODEX_HOME: "/c" },
      },
      files: [
        "/x/Claude/claude_desktop_config.json",
        "/home/hana/.cursor/mcp.json",
        "/x/Code/User/mcp.json",
        "/c/config.toml",
        "/home/hana/.gemini/settings.json",
      ],
    },
    {
      system: { platform: "win32", environment: { APPDATA: "D:\\R" }, home },
      files: [
        "D:\\R\\Claude\\claude_desktop_config.json",
        `${home}\\.cursor\\mcp.json`,
        "D:\\R\\Code\\User\\mcp.json",
        `${home}\\.codex\\config.toml`,
        `${home}\\.gemini\\settings.json`,
      ],
    },
    {
      system: { platform: "win32", environment: {}, home },
      files: [
        `${home}\\AppData\\Roaming\\Claude\\claude_desktop_config.json`,
        `${home}\\.cursor\\mcp.json`,
        `${home}\\AppData\\Roaming\\Code\\User\\mcp.json`,
        `${home}\\.codex\\config.toml`,
        `${home}\\.gemini\\settings.json`,
      ],
    },
  ])("$system", ({ system, files }) => {
    const clients = CLIENTS.filter((client) => client !== "claude-code");
    expect(clients.map((client) => toClientFile(client, system))).toEqual([
      ...files,
    ]);
    for (const [index, client] of clients.entries()) {
      expect(describePlace(client, system)).toContain(`${files[index]}`);
    }
  });
});

test("the user's own file of Windows is in %APPDATA%", async () => {
  const environment = { APPDATA: "C:\\Users\\hana\\AppData\\Roaming" };
  const [file] = await listUsualFiles(environment, "win32");
  expect(file).toBe("C:\\Users\\hana\\AppData\\Roaming\\backlog-mcp\\.env");
});

describe("toSettingsFrom", async () => {
  const nothing = await readSettings({
    environment: {},
    usualFiles: [],
  });
  const USER_FILE = "/home/hana/.config/backlog-mcp/.env";
  const usualFiles = [USER_FILE, "/opt/.env", "/project/.env"];
  const origin = "https://example.backlog.jp";
  const find = (source: string, envFile?: string) => {
    const reading = { ...nothing, source };
    const found = { reading, origin, envFile, usualFiles };
    return toSettingsFrom(found, "/home/hana/.config", "linux");
  };
  const client = { kind: "client", domain: "example.backlog.jp" } as const;

  test.each([
    ["the user's own file", find(USER_FILE), { kind: "user's file" }],
    ["the environment", find("the environment"), client],
    ["a file beside the program", find("/opt/.env"), client],
    ["a file in the working folder", find("/project/.env"), client],
    ["nothing", find(""), client],
    [
      "a file named by --env-file",
      find("/etc/work.env", "/etc/work.env"),
      { kind: "--env-file", file: "/etc/work.env" },
    ],
  ] as const)("%s", (_, settings, expected) => {
    expect(settings).toEqual(expected);
  });

  test("a folder that only XDG_CONFIG_HOME tells is named, as clients drop that", () => {
    const file = "/x/backlog-mcp/.env";
    const reading = { ...nothing, source: file };
    const found = { reading, origin, envFile: undefined, usualFiles: [file] };
    expect(toSettingsFrom(found, "/home/hana/.config", "linux")).toEqual({
      kind: "--env-file",
      file,
    });
  });
});

test.each([
  [undefined, undefined],
  ["https://example.backlog.com", "example.backlog.com"],
  ["http://localhost:8787", "localhost:8787"],
  ["https://127.0.0.1:8787", "https://127.0.0.1:8787"],
])("toDomain: %p is written %p", (origin, domain) => {
  expect(toDomain(origin)).toBe(domain);
});

describe("config", () => {
  const DOMAIN = "example.backlog.jp";
  const SETTINGS = { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: DOMAIN };
  const FILE = `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${DOMAIN}\n`;

  describe.each(["", ...CLIENTS])("%p", (name) => {
    const config = (env?: Record<string, string>, ...args: string[]) =>
      start(["config", name, ...args].filter(Boolean), env && { env });

    test("stdout has what to paste, stderr the place", async () => {
      await using folder = await startFolder();
      const { env, file } = await writeUserFile(folder.path, FILE);
      const { stdout, stderr, code } = await config(env);
      expect(code).toBe(0);
      expect(stdout).toContain(JSON.stringify(BINARY).slice(1, -1));
      expect(stdout + stderr).not.toContain(KEY);
      // The server finds the user's own file by itself.
      expect(stdout).not.toMatch(/env|your-|input/);
      expect(stderr).toContain(`The settings are read from ${file}.`);
      expect(stderr).toEndWith(
        "A client that shows it as connected has only started it: whether the key works, backlog-mcp check says.\n",
      );
    });

    test("never the key, but the domain, of an environment", async () => {
      const { stdout, stderr } = await config(SETTINGS);
      expect(stdout + stderr).not.toContain(KEY);
      expect(stdout).toContain(DOMAIN);
      expect(stderr).toContain("Fill in your values.");
    });

    test("with --env-file, a second space gets a name of its own", async () => {
      const { stderr } = await config(undefined, "--env-file", "work.env");
      expect(stderr).toContain(
        "For a second space, give this entry another name than backlog.",
      );
      expect(stderr).not.toMatch(/mcp remove|in place of/);
    });
  });

  test("a client is known however its name is written, any other gets the common block", async () => {
    const [known, written, common, other] = await Promise.all(
      [["codex"], ["Codex"], [], ["emacs"]].map((name) =>
        start(["config", ...name]),
      ),
    );
    expect(written).toEqual(known);
    expect(other?.stdout).toBe(common?.stdout);
    expect(other?.stderr).toBe(
      `\nThis client is none of those that are known here.${common?.stderr}`,
    );
    expect(other?.code).toBe(0);
  });

  test.each(["codex", "gemini"] as const)(
    "%s: the same in one command, on a line to copy",
    async (client) => {
      const { stderr } = await start(["config", client]);
      expect(stderr).toContain("\nOr in one command:\n  ");
      expect(stderr).toContain(`\n  ${client} mcp add `);
    },
  );

  test.each<Record<string, string>>([{}, SETTINGS])(
    "the file of --env-file is what counts, whatever is in %p",
    async (env) => {
      await using folder = await startFolder();
      const cwd = folder.path;
      for (const [name, text, what] of [
        [
          "gone.env",
          "",
          "to be read from FILE, which cannot be read (ENOENT).",
        ],
        [".", "", "to be read from FILE, which is a folder, no file."],
        [
          "part of it.env",
          "BACKLOG_DOMAIN=e.backlog.com",
          "to be read from FILE, which is not complete yet: BACKLOG_API_KEY is not set.",
        ],
        ["well.env", FILE, "read from FILE."],
      ] as const) {
        const file = join(cwd, name);
        if (text !== "") await Bun.write(file, text);
        const args = ["config", "--env-file", name];
        const { stdout, stderr, code } = await start(args, { cwd, env });
        expect(JSON.parse(stdout).mcpServers.backlog).toEqual({
          command: BINARY,
          args: ["--env-file", file],
        });
        expect(stderr).toContain(
          `The settings are ${what.replace("FILE", file)}\n`,
        );
        expect(stdout + stderr).not.toContain(KEY);
        expect(code).toBe(0);
      }
    },
  );

  test("claude-code: an entry of that name is to be removed first", async () => {
    const { stderr } = await start(["config", "claude-code"]);
    expect(stderr).toContain(
      "If there is already an entry of that name, first run: claude mcp remove backlog --scope user.",
    );
    expect(stderr).not.toContain("second space");
  });

  test("a pasted block starts the server with the user's own file", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const { env } = await writeUserFile(
      folder.path,
      `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${space.host}\n`,
    );
    const { stdout } = await start(["config"], { env });
    const { command, args } = JSON.parse(stdout).mcpServers.backlog;
    await using server = await connectBinary(env, { command, args });
    const { text, isError } = await server.list();
    expect(text).toContain(space.host);
    expect(isError).toBe(false);
  });
});

/** Homebrew's folders with the program in one version of the formula. */
async function brew(prefix: string, from: string, to: string) {
  const cellar = join(prefix, "Cellar", "backlog-mcp");
  await mkdir(join(prefix, "bin"), { recursive: true });
  await mkdir(join(prefix, "opt"), { recursive: true });
  if (from === "") {
    await mkdir(join(cellar, to, "bin"), { recursive: true });
    await copyFile(BINARY, join(cellar, to, "bin", "backlog-mcp"));
  } else await rename(join(cellar, from), join(cellar, to));
  const links = {
    opt: [
      join("..", "Cellar", "backlog-mcp", to),
      join(prefix, "opt", "backlog-mcp"),
    ],
    bin: [
      join("..", "Cellar", "backlog-mcp", to, "bin", "backlog-mcp"),
      join(prefix, "bin", "backlog-mcp"),
    ],
  } as const;
  for (const [target, link] of Object.values(links)) {
    await rm(link, { force: true });
    await symlink(target, link);
  }
  return join(cellar, to, "bin", "backlog-mcp");
}

describe.if(POSIX)("the path of the program", () => {
  test("outlives an update by Homebrew", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const old = await brew(folder.path, "", "0.1.0");
    const { stdout } = await start(["config"], { command: old });
    const { command } = JSON.parse(stdout).mcpServers.backlog;
    expect(command).toBe(join(folder.path, "opt/backlog-mcp/bin/backlog-mcp"));
    await brew(folder.path, "0.1.0", "0.2.0");
    expect(await Bun.file(old).exists()).toBe(false);
    await using server = await connectBinary(toEnvironment(space), { command });
    expect((await server.client.listTools()).tools).toHaveLength(2);
    expect((await server.list()).isError).toBe(false);
  });

  /** Two folders: the program's and one that is on PATH. */
  async function startInstalled() {
    const folder = await startFolder();
    const program = join(folder.path, "versions", "1", "backlog-mcp");
    const bin = join(folder.path, "bin");
    await Bun.write(program, "the program");
    await Bun.write(join(folder.path, "other"), "another program");
    await mkdir(bin);
    const find = (typed = "backlog-mcp", searchPath = `relative:${bin}:`) =>
      findLastingPath(program, { searchPath, typed });
    return { ...folder, program, bin, find };
  }

  test("is its own where nothing links to it", async () => {
    await using at = await startInstalled();
    expect(await at.find()).toBe(at.program);
    expect(await at.find("backlog-mcp", "")).toBe(at.program);
  });

  test("is a link on PATH that resolves to it", async () => {
    await using at = await startInstalled();
    const link = join(at.bin, "backlog-mcp");
    await symlink(at.program, link);
    expect(await at.find()).toBe(link);
  });

  test("is a link of another name, when that was typed", async () => {
    await using at = await startInstalled();
    const link = join(at.bin, "blg");
    await symlink(at.program, link);
    expect(await at.find()).toBe(at.program);
    expect(await at.find("./some/blg")).toBe(link);
  });

  test("is never a link or a file that is another program", async () => {
    await using at = await startInstalled();
    await symlink(join(at.path, "other"), join(at.bin, "backlog-mcp"));
    expect(await at.find()).toBe(at.program);
    await rm(join(at.bin, "backlog-mcp"));
    await symlink(join(at.path, "gone"), join(at.bin, "backlog-mcp"));
    expect(await at.find()).toBe(at.program);
  });

  test("is Homebrew's bin where opt leads elsewhere, else its own", async () => {
    await using at = await startFolder();
    const program = join(at.path, "Cellar/backlog-mcp/1/bin/backlog-mcp");
    await Bun.write(program, "the program");
    const find = () =>
      findLastingPath(program, { searchPath: "", typed: "backlog-mcp" });
    expect(await find()).toBe(program);
    await mkdir(join(at.path, "bin"));
    await symlink(program, join(at.path, "bin/backlog-mcp"));
    expect(await find()).toBe(join(at.path, "bin/backlog-mcp"));
  });
});

// Bun.spawn has no terminal on Windows.
describe.if(POSIX)("on a terminal", () => {
  /** What stands on the screen once it has come to `last`. */
  async function show(args: string[], last: string, cols = 80) {
    let shown = "";
    const told = Promise.withResolvers<void>();
    const child = Bun.spawn([BINARY, ...args], {
      env: { HOME: "/nonexistent" },
      cwd: tmpdir(),
      terminal: {
        ...{ cols, rows: 24 },
        data: (_, chunk) => {
          shown += new TextDecoder().decode(chunk);
          if (shown.includes(last)) told.resolve();
        },
      },
    });
    await Promise.race([told.promise, child.exited]);
    child.kill();
    await child.exited;
    return shown.replaceAll("\r\n", "\n");
  }

  test("the server says once what it is, and points to check and config", async () => {
    expect(await show([], "paste into a client.\r\n")).toBe(`\
backlog-mcp ${version} is meant to be started by an MCP client; Ctrl-C ends it.
Instead, "backlog-mcp check" says whether Backlog answers, and "backlog-mcp
  config" prints what to paste into a client.
`);
  });

  test("check keeps to the width", async () => {
    const shown = await show(["check"], "client starts.", 60);
    expect(shown).toContain("\n- BACKLOG_API_KEY is not set. Make a key");
    const lines = shown.split("\n");
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
  });
});

describe("started by a client", () => {
  test("a client's pipe sees nothing of it", async () => {
    const { stdout, stderr } = await start([], {
      env: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "example.backlog.jp" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
  });
});
