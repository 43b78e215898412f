import { describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { check } from "../cli.ts";
import { version } from "../package.json";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpace,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, startFolder } from "../scripts/build.ts";
import { readSettings } from "../settings.ts";
import { start, startHome, untilRequests } from "./helpers.ts";

const KEY = "sample-key-0123456789abcdefghijklmnop";

/** The settings of a space, as a file holds them. */
function toFile(host: string): string {
  return `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${host}\n`;
}

/** What `check` says of a space, its settings in the environment. */
async function checkSpace(
  options: SampleSpaceOptions = {},
  env: Record<string, string> = {},
) {
  await using space = startSampleSpace(options);
  const settings = { BACKLOG_DOMAIN: space.url, BACKLOG_API_KEY: KEY };
  const result = await start(["check"], { env: { ...settings, ...env } });
  expect(result.stdout).not.toContain(KEY);
  const stdout = result.stdout.replaceAll(space.host, "HOST");
  return { ...result, stdout, requests: space.requests.length };
}

/** What follows the headline, a line each. */
function listProblems(stdout: string): string[] {
  const [, problems = ""] = stdout.split("What is wrong, and what to do:\n");
  return problems.split("\n").filter((line) => line !== "");
}

function listNotes(stdout: string): string[] {
  return [...stdout.matchAll(/^Note: (.*)$/gm)].map(([, note = ""]) => note);
}

describe("check, when all is well", () => {
  test("tells settings, space, owner, projects and limits, and exits 0", async () => {
    await using space: SampleSpace = startSampleSpace({
      // Nobody is answered before all four have come.
      answer: () => untilRequests(space, 4).then(() => undefined),
    });
    await using home = await startHome(toFile(space.host));
    const { env, file } = home;
    // That it is the folder of the user's own file, too, is worth no note.
    const cwd = dirname(file);
    const { stdout, stderr, code } = await start(["check"], { env, cwd });
    const domain = space.host.padEnd(15);
    // Which of the four is counted first is left to chance.
    expect(stdout.replace(/read 59[6-9] of/, "read N of")).toBe(`\
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
    expect(space.requests).toHaveLength(4);
  });

  test("neither the key nor what a terminal obeys is printed", async () => {
    const data = sampleData();
    data.space.name = `\x1b]0;title\x07\x1b[31m${[...KEY].join("\x07")}\n- All is wrong`;
    // A line is cut at 2,000 characters, here within the key.
    const env = { USER_ID: `${"x ".repeat(980)}${KEY}` };
    const { stdout } = await checkSpace({ data }, env);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the point of it.
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(stdout).toContain("[31m[API key] - All is wrong, http");
    expect(stdout).not.toContain("sample-key");
  });
});

describe("check notes, with exit code 0,", () => {
  const SOMEONE_ELSE =
    'USER_ID 7 is someone else: "me" means that person, not Hana Mori (1073936937), to whom the key belongs. If that is not meant, remove USER_ID.';
  const NO_PROJECT =
    "The owner of the key has joined no project, so there is nothing to read. Ask a project's administrator.";
  const LEFT_OUT =
    "Backlog sent these in a form that this version cannot read: entries of the list. Look for a newer backlog-mcp.";
  const unreadable: SampleSpaceOptions = {
    answer: (_, path) =>
      path === "/projects" ? Response.json([1]) : undefined,
  };
  const projects = { data: { ...sampleData(), projects: [] } };

  const NO_SUCH =
    "BACKLOG_PROJECTS names NOPE, which Backlog does not show to this key.";

  test.each<[string, SampleSpaceOptions, Record<string, string>, string[]]>([
    ["settings of the environment", {}, {}, []],
    ["not the owner's own number", {}, { USER_ID: "1073936937" }, []],
    ["not the owner's name", {}, { USER_ID: "Hana Mori" }, []],
    ["someone else's number", {}, { USER_ID: "7" }, [SOMEONE_ELSE]],
    ["an unknown project", {}, { BACKLOG_PROJECTS: "WEB,NOPE" }, [NO_SUCH]],
    ["a space without projects", projects, {}, [NO_PROJECT]],
    ["projects that cannot be read", unreadable, {}, [LEFT_OUT]],
  ])("%s", async (_, options, env, notes) => {
    const { stdout, code } = await checkSpace(options, env);
    const [first, ...others] = listNotes(stdout);
    expect(first).toStartWith(
      "These settings are in the environment of this terminal; a client gives the server its own. In ",
    );
    expect(others).toEqual(notes);
    expect(code).toBe(0);
  });

  test.if(process.platform !== "win32")(
    "mistakes in a file, and that it counts only here",
    async () => {
      await using space = startSampleSpace();
      const text = `${toFile(space.host)}BACKLOG_PROJECT=WEB\n`;
      await using folder = await startFolder({ ".env": text });
      const file = folder.at(".env");
      await chmod(file, 0o644);
      const { stdout, code } = await start(["check"], { cwd: folder.path });
      expect(listNotes(stdout)).toEqual([
        `BACKLOG_PROJECT of ${file} is read by nothing; use BACKLOG_PROJECTS.`,
        `${file} holds a key, and others on this computer may read it (mode 644): chmod 600 keeps it yours.`,
        `${file} counts only in this folder; a client may start the server in another. In /nonexistent/.config/backlog-mcp/.env every client finds the settings.`,
      ]);
      expect(code).toBe(0);
    },
  );

  test("settings that the environment hides, in config too", async () => {
    const text = toFile("e.backlog.com");
    await using home = await startHome(text);
    await using folder = await startFolder({ "work.env": text });
    const [file, named] = [home.file, folder.at("work.env")];
    const hidden = (path: string) =>
      `${path} has settings as well, but those of the environment come first. To use the file's, unset BACKLOG_API_KEY and BACKLOG_DOMAIN.`;

    const { stdout, code } = await checkSpace({}, home.env);
    expect([listNotes(stdout), code]).toEqual([[hidden(file)], 0]);
    const env = { ...home.env, BACKLOG_DOMAIN: "e.backlog.com" };
    const incomplete = await start(["check"], { env });
    expect(listNotes(incomplete.stdout)).toEqual([hidden(file)]);
    const other = await start(["check", "--env-file", named], { env });
    expect(listNotes(other.stdout)).toEqual([hidden(named)]);
    const { stderr } = await start(["config"], { env });
    expect(stderr).toContain(
      `\n${hidden(file)}\nFill in your values. Better: `,
    );
  });
});

// On Windows no company's file counts.
test.skipIf(process.platform === "win32").each([
  ["", 1, "Note: MANAGED does not count: it does not belong to root.\n"],
  [
    "BACKLOG_DOMAIN=acme.backlog.jp",
    0,
    "\n- Searched: the environment, /nowhere/.env. Values in",
  ],
])(
  "check, beside a company's file of %j, owner root + %d, says %j",
  async (text, as, said) => {
    await using folder = await startFolder({ "managed.env": text });
    const path = folder.at("managed.env");
    await chmod(path, 0o644);
    const places = { environment: {}, usualFiles: ["/nowhere/.env"] };
    const managedFile = { path, owner: as + (process.getuid?.() ?? 0) };
    const reading = readSettings({ ...places, managedFile });
    const told = await check({ ...places, reading });
    expect(told.text.replaceAll(path, "MANAGED")).toContain(said);
  },
);

test("check tells each setting with the place it is from", async () => {
  const text =
    "BACKLOG_API_KEY=short-key-of-15\nUSER_ID=7\nBACKLOG_PROJECTS=web ops\n";
  await using folder = await startFolder({ "work.env": text });
  const file = folder.at("work.env");
  const env = { USER_ID: "hana", BACKLOG_PROJECTS: "WEB" };
  const { stdout } = await start(["check", "--env-file", file], { env });
  expect(stdout.split("\n\n")[1]).toBe(`\
BACKLOG_API_KEY   set      from ${file}
BACKLOG_DOMAIN    not set
USER_ID           hana     from the environment
BACKLOG_PROJECTS  WEB      from the environment
BACKLOG_PROJECTS  WEB,OPS  from ${file}`);
});

describe("check, with settings that are not complete or not valid", () => {
  test("nothing at all: what to set, where, and where it was looked for", async () => {
    await using home = await startHome("");
    const { env, file, path: cwd } = home;
    const { stdout, code } = await start(["check"], { env, cwd });
    expect(listProblems(stdout)).toEqual([
      `- BACKLOG_API_KEY is not set. Make a key in Backlog under Personal Settings > API (https://your-space.backlog.com/EditApiSettings.action) and set it in ${file}.`,
      `- BACKLOG_DOMAIN is not set. Set it in ${file} to the address of your space, such as your-space.backlog.com.`,
      `- Searched: the environment, ${file}, ${join(dirname(BINARY), ".env")}, ${join(cwd, ".env")}. Values in a client's configuration are seen only by the server that client starts.`,
    ]);
    expect(code).toBe(1);
  });

  test("a missing key: where the space makes one, and what counts", async () => {
    const env = { BACKLOG_DOMAIN: "example.backlog.jp" };
    const { stdout, code } = await start(["check"], { env });
    expect(listProblems(stdout)).toEqual([
      "- BACKLOG_API_KEY is not set. Make a key in Backlog under Personal Settings > API (https://example.backlog.jp/EditApiSettings.action) and set it in the environment.",
      "- All settings come from one place, the first that has a key or a domain: here the environment.",
    ]);
    expect(stdout).not.toContain("in the environment of this terminal");
    expect(code).toBe(1);
  });

  test("nothing in the file of --env-file: that and the environment were searched", async () => {
    await using folder = await startFolder({ "a.env": "" });
    const file = folder.at("a.env");
    const { stdout } = await start(["check", "--env-file", file]);
    const searched = `- Searched: the environment, ${file}. Values `;
    expect(listProblems(stdout).at(-1)).toStartWith(searched);
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
  const REFUSAL = { message: 'Not allowed "from" this IP.', code: 4 };
  const refuse = () => Response.json({ errors: [REFUSAL] }, { status: 403 });
  const BEHIND_PROXY = {
    BACKLOG_DOMAIN: "example.backlog.com",
    https_proxy: "http://user:secret@127.0.0.1:1",
  };
  const BARE = { ...BEHIND_PROXY, https_proxy: "127.0.0.1:1" };
  const WRONG_IP = `This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that. (Backlog refused ${ALL}: 403, "Not allowed \\"from\\" this IP.")`;
  const NO_PROXY = `Could not reach example.backlog.com for ${ALL} (ECONNREFUSED). Check BACKLOG_DOMAIN and the network, and the proxy 127.0.0.1:1 that HTTPS_PROXY names; try again in a minute.`;
  test.each<[string, SampleSpaceOptions, Record<string, string>, string]>([
    ["an address that is not allowed", { answer: refuse }, {}, WRONG_IP],
    ["a silent proxy, without its password", {}, BEHIND_PROXY, NO_PROXY],
    ["one that is named without http://", {}, BARE, NO_PROXY],
  ])("%s is said once, with what to do", async (_, options, env, problem) => {
    const { stdout, code } = await checkSpace(options, env);
    expect(listProblems(stdout)).toEqual([`- ${problem}`]);
    expect(stdout.match(/could not be read/g)).toHaveLength(4);
    expect(code).toBe(1);
  });

  test("one part that fails does not hide the others, and is tried once", async () => {
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

  test("USER_ID that is no number and not the owner's is wrong", async () => {
    const { stdout, code } = await checkSpace({}, { USER_ID: "kenji" });
    expect(listProblems(stdout)).toEqual([
      '- USER_ID is "kenji", which is neither a numeric ID nor the login, display name or unique name of the key\'s owner. Set it to 1073936937 (Hana Mori), or remove it: Backlog is then asked who you are.',
    ]);
    expect(code).toBe(1);
  });
});
