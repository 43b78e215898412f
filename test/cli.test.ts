import { describe, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { wrap } from "../cli.ts";
import {
  CLIENTS,
  type Client,
  findLastingPath,
  formatCommand,
  formatConfig,
  type Server,
  toClientFile,
} from "../clients.ts";
import { version } from "../package.json";
import { PLACEHOLDERS } from "../places.ts";
import { BINARY, ROOT, startFolder } from "../scripts/build.ts";
import { start, startHome } from "./helpers.ts";

const { platform } = process;
const POSIX = platform !== "win32";
const KEY = "sample-key-0123456789abcdefghijklmnop";
const SETTINGS = { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "acme.backlog.jp" };
const FILE = `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=acme.backlog.jp\n`;

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

  test.each([
    ["chek", 'command "chek"', "check"],
    ["Check", 'command "Check"', "check"],
    ["codx", 'command "codx"', "config codex"],
    ["nonsense", 'command "nonsense"', ""],
    ["--verison", 'option "--verison"', "--version"],
    ["--check", 'option "--check"', "check"],
    ["--env=x", 'option "--env"', "--env-file"],
    ["-q", 'option "-q"', ""],
    [KEY, "command of this name", ""],
    [`--${KEY}`, "option of this name", ""],
    [`--api-key=${KEY}`, 'option "--api-key"', ""],
  ])("%s: there is no %s, but %p", async (word, what, meant) => {
    const hint = meant && `Did you mean ${meant}? For the rest`;
    const stderr = `backlog-mcp: There is no ${what}. ${hint || "For what there is"}: backlog-mcp --help\n`;
    expect(await start([word])).toEqual({ stdout: "", stderr, code: 2 });
  });

  test.each([
    ["config codex gemini", "config takes one client"],
    ["check now", "check takes no argument"],
    ["--version=1", "--version takes no value"],
    ["check --env-file", "--env-file needs the path of a file"],
  ])("%s: %s", async (line, problem) => {
    const stderr = `backlog-mcp: ${problem}. See backlog-mcp --help\n`;
    const expected = { stdout: "", stderr, code: 2 };
    expect(await start(line.split(" "))).toEqual(expected);
  });

  test.each([
    [[KEY.slice(0, 20)], 'There is no command "[API key]". '],
    [["config", "--env-file", `/${KEY.slice(0, 20)}/.env`], "/[API key]/.env"],
  ])("%p: a key is not shown", async (args, said) => {
    const env = { BACKLOG_API_KEY: KEY.slice(0, 20) };
    const { stdout, stderr } = await start(args, { env });
    expect(stdout + stderr).toContain(said);
    expect(stdout + stderr).not.toContain(KEY.slice(0, 20));
  });

  test("a start evaluates what reads settings and answers it, --help neither the SDK nor zod besides", async () => {
    const start = await listStaticImports(["index.ts"]);
    expect(start.toSorted().join(" ")).toBe(
      "index.ts package.json places.ts settings.ts stdio.ts",
    );
    const help = await listStaticImports(["cli.ts"]);
    expect(help).toContain("clients.ts");
    expect(help.filter((name) => /^(@model|zod)/.test(name))).toEqual([]);
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
  const PATH = "/path".repeat(10);
  const WIDE = "課題".repeat(9);
  test.each([
    [
      "breaks a long line, which stays one item",
      `- ${LONG}\n- one`,
      "- one two three four five six seven\n  eight nine ten eleven\n- one",
    ],
    ["counts wide letters twice", `${WIDE} 完了 完了`, `${WIDE}\n  完了 完了`],
    ["breaks no path", `a ${PATH}`, `a\n  ${PATH}`],
    ["leaves what is to be copied", `  ${LONG}`, `  ${LONG}`],
  ])("%s", (_, text, expected) => {
    expect(wrap(text, 40)).toBe(expected);
  });

  test("does nothing where there is no terminal, or hardly one", () => {
    expect([wrap(LONG, undefined), wrap(LONG, 10)]).toEqual([LONG, LONG]);
  });
});

/** The ways settings come to a server, with what is hard to quote. */
const SERVERS: Server[] = [
  { command: '/opt/my tools/it\'s "$HOME" `x`\x7f/backlog-mcp' },
  {
    command: "\\\\server\\new tools\\backlog-mcp.exe",
    args: ["--env-file", 'C:\\Users\\hana\\"work".env'],
  },
  { command: "/Users/花/Tools & Apps!/backlog-mcp", env: PLACEHOLDERS },
];

describe("formatConfig", () => {
  test.each([
    [undefined, "mcpServers", JSON.parse],
    ["claude-desktop", "mcpServers", JSON.parse],
    ["cursor", "mcpServers", JSON.parse],
    ["gemini", "mcpServers", JSON.parse],
    ["codex", "mcp_servers", Bun.TOML.parse],
  ] as const)("%p: %s that parse back", (client, name, parse) => {
    for (const server of SERVERS) {
      const text = formatConfig(client, server, "linux");
      expect<unknown>(parse(text)).toEqual({ [name]: { backlog: server } });
    }
  });

  test.each([
    ["acme.backlog.jp", "acme.backlog.jp", []],
    ["your-space.backlog.com", `\${input:backlog-domain}`, ["backlog-domain"]],
  ])("vscode asks for the key; %p is %p", (domain, written, asked) => {
    const env = { ...PLACEHOLDERS, BACKLOG_DOMAIN: domain };
    const server = { command: "/opt/backlog-mcp", env };
    const text = formatConfig("vscode", server, "linux");
    const { inputs, servers } = JSON.parse(text);
    expect(inputs).toMatchObject([
      { type: "promptString", id: "backlog-api-key", password: true },
      ...asked.map((id) => ({ type: "promptString", id })),
    ]);
    expect(servers.backlog.env).toEqual({
      BACKLOG_API_KEY: `\${input:backlog-api-key}`,
      BACKLOG_DOMAIN: written,
    });
  });
});

describe("formatCommand", () => {
  function listCommands(command: string, file: string, platform: string) {
    const ways = [{}, { args: ["--env-file", file] }, { env: { A: "1" } }];
    const clients = ["claude-code", "codex", "gemini"] as const;
    return clients.flatMap((client) =>
      ways.map((way) => formatCommand(client, { command, ...way }, platform)),
    );
  }

  test("is one line that each client takes", () => {
    const commands = listCommands("/opt/backlog-mcp", "/w.env", "linux");
    expect(commands.join("\n")).toBe(`\
claude mcp add backlog /opt/backlog-mcp --scope user
claude mcp add backlog --scope user -- /opt/backlog-mcp --env-file /w.env
claude mcp add backlog /opt/backlog-mcp --scope user -e A=1
codex mcp add backlog -- /opt/backlog-mcp
codex mcp add backlog -- /opt/backlog-mcp --env-file /w.env
codex mcp add backlog --env A=1 -- /opt/backlog-mcp
gemini mcp add backlog /opt/backlog-mcp --scope user
gemini mcp add --scope user backlog /opt/backlog-mcp -- --env-file /w.env
gemini mcp add backlog /opt/backlog-mcp --scope user -e A=1`);
  });

  test("is quoted for PowerShell on Windows", () => {
    const program = "C:\\My Tools\\backlog-mcp.exe";
    const commands = listCommands(program, "C:\\a$b\\w.env", "win32");
    expect(commands.slice(0, 4).join("\n")).toBe(`\
claude mcp add backlog "${program}" --scope user
claude mcp add backlog --scope user "--" "${program}" --env-file "C:\\a\`$b\\w.env"
claude mcp add backlog "${program}" --scope user -e A=1
codex mcp add backlog "--" "${program}"`);
  });

  test.if(POSIX)("is taken apart by a POSIX shell", async () => {
    for (const { command, args = [] } of SERVERS) {
      const line = formatCommand("codex", { command, args }, "linux");
      const script = `set -- ${line}; printf '%s\\0' "$@"`;
      const shell = Bun.spawn(["/bin/sh", "-c", script], { env: {} });
      const [, , , ...words] = (await shell.stdout.text()).split("\0");
      expect(words).toEqual(["backlog", "--", command, ...args, ""]);
    }
  });
});

const LIBRARY = "~/Library/Application Support";
test.each([
  ["vscode", "darwin", {}, `${LIBRARY}/Code/User/mcp.json`],
  ["codex", "darwin", {}, "~/.codex/config.toml"],
  ["vscode", "linux", { XDG_CONFIG_HOME: "/x" }, "/x/Code/User/mcp.json"],
  ["codex", "linux", { CODEX_HOME: "/c" }, "/c/config.toml"],
  ["vscode", "win32", { APPDATA: "D:\\R" }, "D:\\R\\Code\\User\\mcp.json"],
  ["vscode", "win32", {}, "~\\AppData\\Roaming\\Code\\User\\mcp.json"],
  ["cursor", "win32", {}, "~\\.cursor\\mcp.json"],
] as const)("file of %s on %s, %p", (client, platform, environment, file) => {
  const system = { platform, environment, home: "~" };
  expect(toClientFile(client, system)).toBe(file);
});

describe("config", () => {
  const NO_KEY = "No key stands in the configuration. The settings are";
  const CONNECTED =
    "A client that shows it as connected has only started it: whether the key works, backlog-mcp check says.";
  const ANY = `For most MCP clients. For one of these, in its own format and with the place of its file: backlog-mcp config ${CLIENTS.join("|")}`;
  const PUT =
    "Put it into FILE. Where the file has other servers, add this one to its mcpServers. Then restart the client.";
  const RUN = `Run it in ${POSIX ? "a shell" : "PowerShell"}. If there is already an entry of that name, first run: claude mcp remove backlog --scope user. Afterwards: claude mcp list`;
  const VSCODE =
    "Put it into FILE (MCP: Open User Configuration), or into .vscode/mcp.json of one folder. Where the file has other servers, add this one to them.";
  const CODEX =
    "Put it at the end of FILE, in place of an earlier [mcp_servers.backlog].";
  const GEMINI = `${PUT} Gemini CLI starts servers only in folders that it trusts.`;
  const orRun = (client: "codex" | "gemini") =>
    `\nOr in one command:\n  ${formatCommand(client, { command: BINARY }, platform)}`;

  const EITHER = "This may be claude-desktop or claude-code: name one of them.";
  const UNKNOWN = `This client is none of those that are known here.\n${ANY}`;
  test.each<[word: string | undefined, Client | undefined, string]>([
    [undefined, undefined, ANY],
    ["claude-desktop", "claude-desktop", PUT],
    ["CLAUDE_CODE", "claude-code", RUN],
    ["cursor", "cursor", PUT],
    ["VS Code", "vscode", VSCODE],
    ["codex", "codex", CODEX + orRun("codex")],
    ["Visual Studio Code", "vscode", VSCODE],
    ["Gemini CLI", "gemini", GEMINI + orRun("gemini")],
    ["emacs", undefined, UNKNOWN],
    ["日本", undefined, UNKNOWN],
    ["claude", undefined, `${EITHER}\n${ANY}`],
  ])(
    "%p: for %p stdout to paste, stderr the place",
    async (word, client, place) => {
      await using home = await startHome(FILE);
      const { env, file } = home;
      const words = ["config", word ?? []].flat();
      const { stdout, stderr, code } = await start(words, { env });
      // The server finds the user's own file by itself.
      expect(stdout).toBe(formatConfig(client, { command: BINARY }, platform));
      const system = { platform, environment: env, home: home.path };
      const told = place.replace("FILE", () =>
        client && client !== "claude-code" ? toClientFile(client, system) : "",
      );
      const from = `${NO_KEY} read from ${file}.`;
      expect(stderr).toBe(`\n${told}\n${from}\n${CONNECTED}\n`);
      expect(code).toBe(0);
    },
  );

  type StartOptions = Parameters<typeof start>[1];

  /** The common block's entry, beside what else is said. */
  async function printConfig(options: StartOptions, ...args: string[]) {
    const { stdout, stderr } = await start(["config", ...args], options);
    expect(stdout + stderr).not.toContain(KEY);
    const { command, ...server } = JSON.parse(stdout).mcpServers.backlog;
    expect(command).toBe(BINARY);
    return { server, stderr };
  }

  test.each([
    ["acme.backlog.jp", "acme.backlog.jp"],
    ["http://localhost:8787", "localhost:8787"],
    // Without its scheme it would be taken for http.
    ["https://127.0.0.1:8787", "https://127.0.0.1:8787"],
    ["nonsense", PLACEHOLDERS.BACKLOG_DOMAIN],
  ])("of an environment %p becomes %p, no key", async (set, written) => {
    const env = { ...SETTINGS, BACKLOG_DOMAIN: set };
    const { server, stderr } = await printConfig({ env });
    const expected = { ...PLACEHOLDERS, BACKLOG_DOMAIN: written };
    expect(server).toEqual({ env: expected });
    expect(stderr).toMatch(/\nFill in your values\. Better: put them into /);
  });

  test("of an environment also tells who me is and what alone may be shown", async () => {
    const more = { USER_ID: "7", BACKLOG_PROJECTS: "WEB, OPS" };
    const { server } = await printConfig({ env: { ...SETTINGS, ...more } });
    expect(server.env).toMatchObject(more);
  });

  test("of a file that counts only in this folder it has no key", async () => {
    await using folder = await startFolder({ ".env": FILE });
    const { server } = await printConfig({ cwd: folder.path });
    expect(server.env.BACKLOG_DOMAIN).toBe("acme.backlog.jp");
  });

  test.if(POSIX)("names a folder that only XDG_CONFIG_HOME tells", async () => {
    await using folder = await startFolder({ "backlog-mcp/.env": FILE });
    const file = folder.at("backlog-mcp/.env");
    const env = { XDG_CONFIG_HOME: folder.path };
    const { server, stderr } = await printConfig({ env });
    expect(server).toEqual({ args: ["--env-file", file] });
    expect(stderr).toContain(`${NO_KEY} read from ${file}.\n`);
  });

  test.each([
    ["gone", "to be read from FILE, which cannot be read (ENOENT)."],
    ["half", "to be read from FILE, which is not complete yet: "],
    ["whole", "read from FILE."],
  ])("--env-file counts before all: %s", async (name, what) => {
    await using folder = await startFolder({ half: "USER_ID=7", whole: FILE });
    const file = folder.at(name);
    const options = { cwd: folder.path, env: SETTINGS };
    const { server, stderr } = await printConfig(options, "--env-file", name);
    expect(server).toEqual({ args: ["--env-file", file] });
    expect(stderr).toContain(`settings are ${what.replace("FILE", file)}`);
  });

  test("a second space replaces no entry", async () => {
    for (const client of ["claude-code", "codex"]) {
      const { stderr } = await start(["config", client, "--env-file", "w.env"]);
      expect(stderr).toContain(
        "\nFor a second space, give this entry another name than backlog.\n",
      );
      expect(stderr).not.toMatch(/mcp remove|in place of/);
    }
  });
});

describe.if(POSIX)("the path of the program", () => {
  const [OWN, EXE] = ["versions/1/backlog-mcp", "backlog-mcp.exe"];
  const [LINK, TYPED] = ["bin/backlog-mcp", "bin/blg"];
  const CELLAR = "brew/Cellar/backlog-mcp";
  const KEG = `${CELLAR}/1/bin/backlog-mcp`;
  const [OPT, BIN] = ["brew/opt/backlog-mcp", "brew/bin/backlog-mcp"];
  const IN_OPT = `${OPT}/bin/backlog-mcp`;

  test.each<[string, string, links: Record<string, string>, string]>([
    ["its own where nothing links to it", OWN, {}, OWN],
    ["a link on PATH", OWN, { [LINK]: OWN }, LINK],
    ["a link of the name that was typed", OWN, { [TYPED]: OWN }, TYPED],
    ["a link of its file's name", EXE, { [`bin/${EXE}`]: EXE }, `bin/${EXE}`],
    ["its own beside a link of any other name", OWN, { "bin/b": OWN }, OWN],
    ["no link in a relative folder", OWN, { "relative/blg": OWN }, OWN],
    ["never another program", OWN, { [LINK]: "other" }, OWN],
    ["never a link to nothing", OWN, { [LINK]: "gone" }, OWN],
    ["Homebrew's opt", KEG, { [OPT]: `${CELLAR}/1`, [BIN]: KEG }, IN_OPT],
    ["its bin, else", KEG, { [OPT]: `${CELLAR}/2`, [BIN]: KEG }, BIN],
    ["the keg's, else", KEG, {}, KEG],
  ])("is %s", async (_, program, links, expected) => {
    const files = { [program]: "the program", other: "another program" };
    await using folder = await startFolder(files);
    const { at } = folder;
    for (const [link, target] of Object.entries(links)) {
      await mkdir(dirname(at(link)), { recursive: true });
      await symlink(at(target), at(link));
    }
    // The program's own folder is there too, but an update may rename it.
    const folders = [dirname(at(program)), at("bin")];
    const elsewhere = relative(process.cwd(), at("relative"));
    const searchPath = [elsewhere, ...folders].join(":");
    const typed = "./some/blg";
    const path = await findLastingPath(at(program), { searchPath, typed });
    expect(path).toBe(at(expected));
  });

  test("is what config prints", async () => {
    await using folder = await startFolder();
    const link = folder.at("blg");
    await symlink(BINARY, link);
    const env = { PATH: folder.path };
    const { stdout } = await start(["config"], { command: link, env });
    expect(JSON.parse(stdout).mcpServers.backlog.command).toBe(link);
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
