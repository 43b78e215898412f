import { describe, expect, test } from "bun:test";
import {
  copyFile,
  mkdir,
  mkdtemp,
  realpath,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findLastingPath, maskKey, toSettingsFrom } from "../cli.ts";
import {
  CLIENTS,
  type Client,
  describePlace,
  type Entry,
  formatConfig,
  toClientFile,
} from "../clients.ts";
import { version } from "../package.json";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, ROOT, runToEnd } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectBinary, toEnvironment } from "../scripts/connect.ts";
import {
  listUsualFiles,
  PLACEHOLDERS,
  type Reading,
  toDomain,
} from "../settings.ts";

const POSIX = process.platform !== "win32";
const KEY = "sample-key-0123456789abcdefghijklmnop";

/** A folder with a space in its name, gone at the end of the test. */
async function startFolder() {
  const path = await realpath(await mkdtemp(join(tmpdir(), "cli test ")));
  return {
    path,
    [Symbol.asyncDispose]: () =>
      rm(path, { recursive: true, force: true, maxRetries: 10 }),
  };
}

interface Start {
  env?: Record<string, string>;
  cwd?: string;
  command?: string;
}

/** Runs the program with nothing of the machine's own environment. */
function start(
  args: string[],
  { env = {}, cwd = tmpdir(), command = BINARY }: Start = {},
) {
  return runToEnd([command, ...args], {
    env: { HOME: "/nonexistent", APPDATA: "/nonexistent", ...env },
    cwd,
  });
}

/** The user's own file in a home folder, and the environment that finds it. */
async function writeUserFile(home: string, text: string) {
  const env = { HOME: home, USERPROFILE: home, APPDATA: join(home, "AppData") };
  const [file = ""] = await listUsualFiles(env);
  await Bun.write(file, text);
  return { env, file };
}

describe("the command line", () => {
  test("--version prints the version, --help the usage", async () => {
    expect((await start(["--version"])).stdout).toBe(`${version}\n`);
    const { stdout, code } = await start(["--help"]);
    expect(code).toBe(0);
    for (const word of ["check", "config", "--env-file", ...CLIENTS]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["nonsense"], "Unknown command 'nonsense'"],
    [["no. sense"], "Unknown command 'no. sense'"],
    [["config", "emacs"], "Unknown client 'emacs'"],
    [["config", "codex", "gemini"], "Unexpected argument 'gemini'"],
    [["check", "now"], "Unexpected argument 'now'"],
    [["check", "--env-file"], "--env-file"],
  ])("%p is refused with the usage and exit code 2", async (args, message) => {
    const { stdout, stderr, code } = await start(args);
    expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
    expect(stderr).toStartWith("backlog-mcp: ");
    expect(stderr).toContain(message);
    expect(stderr).toContain("backlog-mcp config [CLIENT]");
    // What parseArgs adds of "--" leads nowhere here.
    expect(stderr).not.toContain("positional");
  });

  test("--version and --help evaluate neither the SDK nor zod", async () => {
    const reached = await listStaticImports(["index.ts", "cli.ts"]);
    expect(reached).toContain("clients.ts");
    expect(reached.filter((name) => /^(@model|zod)/.test(name))).toEqual([]);
  });
});

/** What is evaluated with these files; `await import()` is not followed. */
async function listStaticImports(entries: string[]): Promise<string[]> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const reached = new Set(entries);
  for (const file of reached) {
    if (!file.endsWith(".ts")) continue;
    const source = await Bun.file(join(ROOT, file)).text();
    for (const { path, kind } of transpiler.scanImports(source)) {
      if (kind === "import-statement") reached.add(path.replace(/^\.\//, ""));
    }
  }
  return [...reached];
}

describe("maskKey shows the last four characters of a real key", () => {
  test.each([
    [undefined, undefined],
    ["shortkey123", "set"],
    ["shortkey1234", "…1234"],
    [KEY, "…mnop"],
  ])("%p is %p", (key, shown) => {
    expect(maskKey(key)).toBe(shown);
  });
});

describe("check, when all is well", () => {
  test("tells settings, space, owner, projects and limits, and exits 0", async () => {
    // Nobody is answered before all four have come.
    const all = Promise.withResolvers<void>();
    let come = 0;
    await using space = startSampleSpace({
      answer: async () => {
        come += 1;
        if (come === 4) all.resolve();
        await all.promise;
        return undefined;
      },
    });
    await using folder = await startFolder();
    const { env, file } = await writeUserFile(
      folder.path,
      `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${space.host}\n`,
    );
    const { stdout, stderr, code } = await start(["check"], { env });
    const read = /read (\d+) of 600/.exec(stdout)?.[1];
    // Which of the four is counted first is left to chance.
    expect(Number(read)).toBeWithin(596, 600);
    const domain = space.host.padEnd(15);
    expect(stdout.replace(`read ${read} of`, "read N of")).toBe(`\
backlog-mcp ${version}

BACKLOG_API_KEY  ${"…mnop".padEnd(15)}  from ${file}
BACKLOG_DOMAIN   ${domain}  from ${file}
USER_ID          not set: Backlog is asked whose key it is

Space          Example Inc., ${space.url}
Key of         Hana Mori, USER_ID 1073936937
Projects       4 can be read, 1 of them archived
Requests left  read N of 600, search 150 of 150

All is well. To set up a client: backlog-mcp config [CLIENT] prints what to paste.
`);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(space.requests.map(({ path }) => path).sort()).toEqual([
      "/projects",
      "/rateLimit",
      "/space",
      "/users/myself",
    ]);
  });

  test.each([
    ["the numeric ID", "1073936937"],
    ["the login", "hana"],
    ["the display name", "Hana Mori"],
    ["the unique name", "HanaMori"],
  ])("USER_ID may be %s of the key's owner", async (_, userId) => {
    await using space = startSampleSpace();
    const env = { ...toEnvironment(space), USER_ID: userId };
    const { stdout, code } = await start(["check"], { env });
    expect(stdout).toContain(`${userId.padEnd(15)}  from the environment\n`);
    expect(stdout).not.toContain("someone else");
    expect(code).toBe(0);
  });

  test("settings that a client may not find are noted, with exit code 0", async () => {
    await using space = startSampleSpace();
    const inEnvironment = await start(["check"], { env: toEnvironment(space) });
    expect(inEnvironment.stdout).toContain(
      "Note: These settings are in the environment of this terminal;",
    );
    await using folder = await startFolder();
    const { BACKLOG_API_KEY, BACKLOG_DOMAIN } = toEnvironment(space);
    await Bun.write(
      join(folder.path, ".env"),
      `BACKLOG_API_KEY=${BACKLOG_API_KEY}\nBACKLOG_DOMAIN=${BACKLOG_DOMAIN}\n`,
    );
    const inFolder = await start(["check"], { cwd: folder.path });
    expect(inFolder.stdout).toContain(
      `Note: ${join(folder.path, ".env")} counts only in this folder;`,
    );
    expect([inEnvironment.code, inFolder.code]).toEqual([0, 0]);
  });

  test("settings that the environment hides are told of in one line", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const text = `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=e.backlog.com\n`;
    const { env: home, file } = await writeUserFile(folder.path, text);
    const named = join(folder.path, "work.env");
    await Bun.write(named, "BACKLOG_DOMAIN=e.backlog.com");
    const env = { ...home, ...toEnvironment(space) };
    const hidden = (path: string) =>
      `${path} has settings as well, but those of the environment come first. To use the file's, unset BACKLOG_API_KEY and BACKLOG_DOMAIN.\n`;

    const well = await start(["check"], { env });
    expect(well.stdout).toContain(`\nNote: ${hidden(file)}`);
    expect(well.stdout.match(/^Note: /gm)).toHaveLength(1);
    expect(well.code).toBe(0);
    const partly = { ...home, BACKLOG_DOMAIN: space.host };
    const incomplete = await start(["check"], { env: partly });
    expect(incomplete.stdout).toContain(`\nNote: ${hidden(file)}`);
    const args = ["check", "--env-file", named];
    const other = await start(args, { env });
    expect(other.stdout).toContain(`\nNote: ${hidden(named)}`);

    const { stderr } = await start(["config"], { env });
    expect(stderr).toContain(`\n${hidden(file)}`);
    expect(stderr).not.toContain("Better: put them into");
    const alone = await start(["config"], { env: home });
    expect(alone.stderr).not.toContain("come first");
  });

  test("USER_ID from the environment is told apart from the file's rest", async () => {
    await using space = startSampleSpace();
    await using folder = await startFolder();
    const file = join(folder.path, "work.env");
    await Bun.write(
      file,
      `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${space.host}\nUSER_ID=7\n`,
    );
    const env = { USER_ID: "hana" };
    const { stdout, code } = await start(["check", "--env-file", file], {
      env,
    });
    expect(stdout).toMatch(/USER_ID +hana +from the environment\n/);
    expect(stdout).toContain(`  from ${file}\n`);
    expect(code).toBe(0);
  });
});

/** What `check` says of a space that answers in its own way. */
async function checkSpace(
  options: SampleSpaceOptions,
  env: Record<string, string> = {},
) {
  await using space = startSampleSpace(options);
  const settings = { BACKLOG_DOMAIN: space.url, BACKLOG_API_KEY: KEY };
  const result = await start(["check"], { env: { ...settings, ...env } });
  return { ...result, host: space.host, requests: space.requests.length };
}

interface Case {
  name: string;
  env: Record<string, string>;
  problems: string[];
}

/** What follows the headline, a line each. */
function listProblems(stdout: string): string[] {
  const [, problems = ""] = stdout.split("What is wrong, and what to do:\n");
  return problems.split("\n").filter((line) => line !== "");
}

describe("check, with settings that are not complete or not valid", () => {
  test("nothing at all: what to set, where, and where it was looked for", async () => {
    await using folder = await startFolder();
    const home = join(folder.path, "home");
    const { env, file } = await writeUserFile(home, "");
    const cwd = folder.path;
    const { stdout, code } = await start(["check"], { env, cwd });
    expect(stdout).toContain("BACKLOG_API_KEY  not set\n");
    expect(listProblems(stdout)).toEqual([
      `- BACKLOG_API_KEY is not set. Make a key in Backlog under Personal Settings > API (https://your-space.backlog.com/EditApiSettings.action) and set it in ${file}.`,
      `- BACKLOG_DOMAIN is not set. Set it in ${file} to the address of your space, such as your-space.backlog.com.`,
      `- Searched: the environment, ${file}, ${join(dirname(BINARY), ".env")}, ${join(cwd, ".env")}. Values in a client's configuration are seen only by the server that client starts.`,
    ]);
    expect(code).toBe(1);
  });

  const DOMAIN_ADVICE =
    "use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com";
  const ONE_PLACE =
    "- All settings come from one place, the first that has a key or a domain: here the environment.";
  const CASES: Case[] = [
    {
      name: "a missing key",
      env: { BACKLOG_DOMAIN: "example.backlog.jp" },
      problems: [
        "- BACKLOG_API_KEY is not set. Make a key in Backlog under Personal Settings > API (https://example.backlog.jp/EditApiSettings.action) and set it in the environment.",
        ONE_PLACE,
      ],
    },
    {
      name: "a missing domain",
      env: { BACKLOG_API_KEY: KEY },
      problems: [
        "- BACKLOG_DOMAIN is not set. Set it in the environment to the address of your space, such as your-space.backlog.com.",
        ONE_PLACE,
      ],
    },
    {
      name: "a host that is no Backlog space",
      env: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "backlog.example.com" },
      problems: [
        `- BACKLOG_DOMAIN is "backlog.example.com": ${DOMAIN_ADVICE}.`,
      ],
    },
    {
      name: "a key in the domain's place, which is not shown",
      env: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "a1".repeat(32) },
      problems: [`- BACKLOG_DOMAIN names no space: ${DOMAIN_ADVICE}.`],
    },
    {
      name: "an address with a key in it, which is not shown",
      env: {
        BACKLOG_API_KEY: KEY,
        BACKLOG_DOMAIN: "https://example.com/api?apiKey=secret",
      },
      problems: [`- BACKLOG_DOMAIN is "example.com": ${DOMAIN_ADVICE}.`],
    },
    {
      name: "a key that was copied badly",
      env: { BACKLOG_API_KEY: "two words", BACKLOG_DOMAIN: "e.backlog.com" },
      problems: [
        "- BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it.",
      ],
    },
  ];
  test.each(CASES)("$name", async ({ env, problems }) => {
    const { stdout, code } = await start(["check"], { env });
    expect(listProblems(stdout)).toEqual(problems);
    expect(stdout).not.toMatch(/a1a1|secret|two words/);
    expect(code).toBe(1);
  });

  test("a file of --env-file that is not there", async () => {
    const { stdout, code } = await start(["check", "--env-file", "nowhere"]);
    expect(listProblems(stdout)).toEqual([
      "- nowhere, named by --env-file, cannot be read (ENOENT). Correct its name or its permissions.",
    ]);
    expect(code).toBe(1);
  });
});

describe("check, where Backlog does not answer well", () => {
  const ALL = "GET /space, GET /users/myself, GET /projects, GET /rateLimit";

  function refuse(status: number, code: number, message: string) {
    return () =>
      Response.json({ errors: [{ message, code, moreInfo: "" }] }, { status });
  }

  test.each([
    {
      name: "a wrong key",
      options: { apiKey: "another-key" },
      problem: `Backlog refused ${ALL} (401, "Authentication failure."). The API key is wrong or revoked, or belongs to another space than HOST. Check BACKLOG_API_KEY and BACKLOG_DOMAIN; retrying will not help before that.`,
    },
    {
      name: "an IP restriction (code 4)",
      options: { answer: refuse(403, 4, "Not allowed from this IP.") },
      problem: `Backlog refused ${ALL} (403, "Not allowed from this IP."). This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that.`,
    },
    {
      name: "a missing two-step login (code 12)",
      options: { answer: refuse(403, 12, "Two-step login is required.") },
      problem: `Backlog refused ${ALL} (403, "Two-step login is required."). This space requires two-step login, and the owner of this API key has not set it up. Set it up in the Nulab account; retrying will not help before that.`,
    },
    {
      name: "HTML instead of JSON",
      options: { answer: () => new Response("<!doctype html><p>Hello") },
      problem: `Backlog answered ${ALL} with a page of HTML. Check that BACKLOG_DOMAIN (HOST) is the address of a Backlog space and that no login page or proxy stands between.`,
    },
    {
      name: "a certificate that is not trusted",
      options: { tls: UNTRUSTED },
      problem: `The certificate of HOST is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT), so ${ALL} was not sent. If your company inspects traffic, add its certificate to the system's store or name its file in NODE_EXTRA_CA_CERTS; retrying will not help before that.`,
    },
  ])("$name is said once, with what to do", async ({ options, problem }) => {
    const { stdout, code, host } = await checkSpace(options);
    expect(listProblems(stdout)).toEqual([
      `- ${problem.replace("HOST", host)}`,
    ]);
    expect(stdout.match(/could not be read/g)).toHaveLength(4);
    expect(stdout).not.toContain(KEY);
    expect(code).toBe(1);
  });

  test("a certificate named in NODE_EXTRA_CA_CERTS is trusted", async () => {
    await using folder = await startFolder();
    const file = join(folder.path, "ca.pem");
    await Bun.write(file, UNTRUSTED.cert);
    const env = { NODE_EXTRA_CA_CERTS: file };
    const { code } = await checkSpace({ tls: UNTRUSTED }, env);
    expect(code).toBe(0);
  });

  // No name server is asked for a name of more than 253 characters.
  const UNRESOLVABLE = `${`${"a".repeat(63)}.`.repeat(4)}backlog.com`;

  const CASES: Case[] = [
    {
      name: "a host that does not resolve",
      env: { BACKLOG_DOMAIN: UNRESOLVABLE },
      problems: [
        `The name ${UNRESOLVABLE} could not be resolved for ${ALL}. Check BACKLOG_DOMAIN and the network.`,
      ],
    },
    {
      name: "a refused connection",
      env: { BACKLOG_DOMAIN: "127.0.0.1:1" },
      problems: [
        `Could not reach 127.0.0.1:1 for ${ALL} (ECONNREFUSED). Check BACKLOG_DOMAIN and the network; try again in a minute.`,
      ],
    },
    {
      name: "a proxy that does not answer",
      env: {
        BACKLOG_DOMAIN: "example.backlog.com",
        https_proxy: "http://user:secret@127.0.0.1:1",
      },
      problems: [
        `Could not reach example.backlog.com for ${ALL} (ECONNREFUSED). Check BACKLOG_DOMAIN and the network, and the proxy 127.0.0.1:1 that HTTPS_PROXY names; try again in a minute.`,
      ],
    },
  ];
  test.each(CASES)("$name is said once", async ({ env, problems }) => {
    const { stdout, code } = await start(["check"], {
      env: { BACKLOG_API_KEY: KEY, ...env },
    });
    expect(listProblems(stdout)).toEqual(
      problems.map((problem) => `- ${problem}`),
    );
    expect(code).toBe(1);
  });

  test("one part that fails does not hide the others", async () => {
    const { stdout, code, requests } = await checkSpace({
      answer: (_, path) =>
        path === "/projects" ? new Response("no", { status: 500 }) : undefined,
    });
    expect(stdout).toContain("Key of         Hana Mori, USER_ID 1073936937\n");
    expect(stdout).toContain("Projects       could not be read\n");
    expect(listProblems(stdout)).toEqual([
      "- Backlog failed on GET /projects (500). Try again in a minute.",
    ]);
    expect({ code, requests }).toEqual({ code: 1, requests: 4 });
  });

  test("USER_ID that is someone else's is a note, with exit code 0", async () => {
    const { stdout, code } = await checkSpace({}, { USER_ID: "7" });
    expect(stdout).toContain(
      'Note: USER_ID 7 is someone else: "me" means that person, not Hana Mori (1073936937), to whom the key belongs. If that is not meant, remove USER_ID.\n',
    );
    expect(code).toBe(0);
  });

  test("USER_ID that is no number and not the owner's is wrong", async () => {
    const { stdout, code } = await checkSpace({}, { USER_ID: "kenji" });
    expect(listProblems(stdout)).toEqual([
      '- USER_ID is "kenji", which is neither a numeric ID nor the login, display name or unique name of the key\'s owner. Set it to 1073936937 (Hana Mori), or remove it: Backlog is then asked who you are.',
    ]);
    expect(code).toBe(1);
  });

  test("no project at all is a note", async () => {
    const data = { ...sampleData(), projects: [] };
    const { stdout, code } = await checkSpace({ data });
    expect(stdout).toContain("Projects       0 can be read\n");
    expect(stdout).toContain("has joined no project");
    expect(code).toBe(0);
  });

  test("neither the key nor what a terminal obeys is printed", async () => {
    const data = sampleData();
    data.space.name = `\x1b]0;title\x07\x1b[31m${KEY}\n- All is wrong`;
    const { stdout, code } = await checkSpace({ data });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the point of it.
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(stdout).toContain("[31m[API key] - All is wrong, http");
    expect(stdout).not.toContain(KEY);
    expect(code).toBe(0);
  });
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
    entry: { path, settings, placeholders: PLACEHOLDERS },
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

  test.if(POSIX)(
    "claude-code: words that a POSIX shell takes apart",
    async () => {
      for (const example of ENTRIES) {
        if (example.platform === "win32") continue;
        const { entry, platform, args, env } = example;
        const command = formatConfig("claude-code", entry, platform);
        const words = await splitByShell(command);
        const variables = Object.entries(env ?? {});
        expect(words).toEqual([
          ...["claude", "mcp", "add", "backlog"],
          ...(args.length > 0
            ? ["--scope", "user", "--", entry.path, ...args]
            : [entry.path, "--scope", "user"]),
          ...variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]),
        ]);
      }
    },
  );

  test.each([
    {
      settings: { kind: "user's file" },
      path: "C:\\Program Files\\Backlog\\backlog-mcp.exe",
      command: `claude mcp add backlog "C:\\Program Files\\Backlog\\backlog-mcp.exe" --scope user\n`,
    },
    {
      settings: { kind: "--env-file", file: "C:\\Users\\a$b\\work.env" },
      path: "C:\\Tools\\backlog-mcp.exe",
      command: `claude mcp add backlog --scope user "--" C:\\Tools\\backlog-mcp.exe --env-file "C:\\Users\\a\`$b\\work.env"\n`,
    },
    {
      settings: { kind: "client", domain: "example.backlog.jp" },
      path: "C:\\Tools\\backlog-mcp.exe",
      command:
        "claude mcp add backlog C:\\Tools\\backlog-mcp.exe --scope user -e BACKLOG_API_KEY=your-api-key -e BACKLOG_DOMAIN=example.backlog.jp\n",
    },
  ] as const)("claude-code: quoted for PowerShell, $path", (example) => {
    const { path, settings, command } = example;
    const entry = { path, settings, placeholders: PLACEHOLDERS };
    expect(formatConfig("claude-code", entry, "win32")).toBe(command);
  });
});

async function splitByShell(command: string): Promise<string[]> {
  const script = `set -- ${command.trimEnd()}; printf '%s\\0' "$@"`;
  const shell = Bun.spawn(["/bin/sh", "-c", script], { env: { HOME: "/no" } });
  const text = await shell.stdout.text();
  return text.split("\0").slice(0, -1);
}

describe("toClientFile", () => {
  const MAC = { platform: "darwin", environment: {}, home: "/Users/hana" };
  const LINUX = { platform: "linux", environment: {}, home: "/home/hana" };
  const WINDOWS = {
    platform: "win32",
    environment: { APPDATA: "D:\\Roaming" },
    home: "C:\\Users\\hana",
  };

  const SYSTEMS = {
    macOS: MAC,
    Linux: LINUX,
    Windows: WINDOWS,
    CODEX_HOME: { ...LINUX, environment: { CODEX_HOME: "/c" } },
  };

  test.each([
    [
      "claude-desktop",
      "macOS",
      "/Users/hana/Library/Application Support/Claude/claude_desktop_config.json",
    ],
    [
      "claude-desktop",
      "Linux",
      "/home/hana/.config/Claude/claude_desktop_config.json",
    ],
    [
      "claude-desktop",
      "Windows",
      "D:\\Roaming\\Claude\\claude_desktop_config.json",
    ],
    ["cursor", "macOS", "/Users/hana/.cursor/mcp.json"],
    ["cursor", "Windows", "C:\\Users\\hana\\.cursor\\mcp.json"],
    [
      "vscode",
      "macOS",
      "/Users/hana/Library/Application Support/Code/User/mcp.json",
    ],
    ["vscode", "Linux", "/home/hana/.config/Code/User/mcp.json"],
    ["vscode", "Windows", "D:\\Roaming\\Code\\User\\mcp.json"],
    ["codex", "Linux", "/home/hana/.codex/config.toml"],
    ["codex", "CODEX_HOME", "/c/config.toml"],
    ["codex", "Windows", "C:\\Users\\hana\\.codex\\config.toml"],
    ["gemini", "macOS", "/Users/hana/.gemini/settings.json"],
    ["gemini", "Windows", "C:\\Users\\hana\\.gemini\\settings.json"],
  ] as const)("%s, %s: %s", (client, name, file) => {
    const system = SYSTEMS[name];
    expect(toClientFile(client, system)).toBe(file);
    expect(describePlace(client, system)).toContain(file);
  });

  test("without APPDATA or XDG_CONFIG_HOME the home folder has them", () => {
    const windows = { ...WINDOWS, environment: {} };
    expect(toClientFile("vscode", windows)).toBe(
      "C:\\Users\\hana\\AppData\\Roaming\\Code\\User\\mcp.json",
    );
    const linux = { ...LINUX, environment: { XDG_CONFIG_HOME: "/x" } };
    expect(toClientFile("vscode", linux)).toBe("/x/Code/User/mcp.json");
  });
});

test("the user's own file of Windows is in %APPDATA%", async () => {
  const environment = { APPDATA: "C:\\Users\\hana\\AppData\\Roaming" };
  const [file] = await listUsualFiles(environment, "win32");
  expect(file).toBe("C:\\Users\\hana\\AppData\\Roaming\\backlog-mcp\\.env");
});

describe("toSettingsFrom", () => {
  const USER_FILE = "/home/hana/.config/backlog-mcp/.env";
  const usualFiles = [USER_FILE, "/opt/.env", "/project/.env"];
  const origin = "https://example.backlog.jp";
  const find = (source: string, envFile?: string) => {
    const reading: Reading = {
      ...{
        source,
        values: {},
        userIdSource: source,
        problems: [],
        secrets: [],
      },
    };
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
    const reading: Reading = {
      ...{
        source: file,
        values: {},
        userIdSource: file,
        problems: [],
        secrets: [],
      },
    };
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
  const NAMES = ["", ...CLIENTS];

  test.each(NAMES)(
    "%p: stdout has what to paste, stderr the place",
    async (name) => {
      await using folder = await startFolder();
      const { env, file } = await writeUserFile(
        folder.path,
        `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=example.backlog.jp\n`,
      );
      const args = name === "" ? [] : [name];
      const { stdout, stderr, code } = await start(["config", ...args], {
        env,
      });
      expect(code).toBe(0);
      expect(stdout).toContain(JSON.stringify(BINARY).slice(1, -1));
      expect(stdout + stderr).not.toContain(KEY);
      // The server finds the user's own file by itself.
      expect(stdout).not.toMatch(/env|your-|input/);
      expect(stderr).toContain(`The settings are read from ${file}.`);
    },
  );

  test.each(NAMES)(
    "%p: never the key, but the domain, of an environment",
    async (name) => {
      const env = {
        BACKLOG_API_KEY: KEY,
        BACKLOG_DOMAIN: "example.backlog.jp",
      };
      const args = name === "" ? [] : [name];
      const { stdout, stderr } = await start(["config", ...args], { env });
      expect(stdout + stderr).not.toContain(KEY);
      expect(stdout).toContain("example.backlog.jp");
      expect(stderr).toContain("Fill in your values.");
    },
  );

  test("--env-file goes into the block, with its absolute path", async () => {
    await using folder = await startFolder();
    const file = join(folder.path, "my work.env");
    await Bun.write(file, `BACKLOG_API_KEY=${KEY}\n`);
    const args = ["config", "--env-file", "my work.env"];
    const { stdout, stderr } = await start(args, { cwd: folder.path });
    expect(JSON.parse(stdout).mcpServers.backlog).toEqual({
      command: BINARY,
      args: ["--env-file", file],
    });
    expect(stderr).toContain(
      `The settings are to be read from ${file}, which is not complete yet: BACKLOG_DOMAIN is not set.`,
    );
    expect(stdout + stderr).not.toContain(KEY);
  });

  test.each<Record<string, string>>([
    {},
    { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "e.backlog.com" },
  ])(
    "the file of --env-file is what counts, whatever is in %p",
    async (env) => {
      await using folder = await startFolder();
      const cwd = folder.path;
      const config = (name: string) =>
        start(["config", "--env-file", name], { cwd, env });
      const gone = await config("gone.env");
      expect(gone.stderr).toContain(
        `The settings are to be read from ${join(cwd, "gone.env")}, which cannot be read (ENOENT).`,
      );
      await Bun.write(join(cwd, "part.env"), "BACKLOG_DOMAIN=e.backlog.com");
      const partly = await config("part.env");
      expect(partly.stderr).toContain(
        `${join(cwd, "part.env")}, which is not complete yet: BACKLOG_API_KEY is not set.`,
      );
      await Bun.write(
        join(cwd, "well.env"),
        "BACKLOG_DOMAIN=e.backlog.com\nBACKLOG_API_KEY=0123456789abcdef",
      );
      const well = await config("well.env");
      expect(well.stderr).toContain(
        `No key stands in the configuration. The settings are read from ${join(cwd, "well.env")}.`,
      );
      expect([gone.code, partly.code, well.code]).toEqual([0, 0, 0]);
    },
  );

  test.each(NAMES)(
    "%p: with --env-file, a second space gets a name of its own",
    async (name) => {
      const args = ["config", name, "--env-file", "work.env"].filter(Boolean);
      const { stderr } = await start(args);
      expect(stderr).toContain(
        "For a second space, give this entry another name than backlog.",
      );
      expect(stderr).not.toMatch(/mcp remove|in place of/);
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

describe("started by hand", () => {
  // Bun.spawn has no terminal on Windows.
  test.if(POSIX)(
    "it says on the terminal what it is, check and config",
    async () => {
      let shown = "";
      const told = Promise.withResolvers<void>();
      const child = Bun.spawn([BINARY], {
        env: { HOME: "/nonexistent" },
        cwd: tmpdir(),
        terminal: {
          data: (_, chunk) => {
            shown += new TextDecoder().decode(chunk);
            if (shown.includes("paste into a client.")) told.resolve();
          },
        },
      });
      await Promise.race([told.promise, child.exited]);
      child.kill();
      await child.exited;
      expect(shown).toContain(
        `backlog-mcp ${version} is meant to be started by an MCP client; Ctrl-C ends it.`,
      );
      expect(shown).toContain(
        '"backlog-mcp check" says whether Backlog answers',
      );
      expect(shown).toContain('"backlog-mcp config" prints what to paste');
    },
  );

  test("a client's pipe sees nothing of it", async () => {
    const { stdout, stderr } = await start([], {
      env: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "example.backlog.jp" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
  });
});
