import { describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { maskKey } from "../cli.ts";
import { version } from "../package.json";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, startFolder } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { start, writeUserFile } from "./helpers.ts";

const KEY = "sample-key-0123456789abcdefghijklmnop";

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

  test.if(process.platform !== "win32")(
    "what looks like a mistake is a note of its own, with exit code 0",
    async () => {
      await using space = startSampleSpace();
      await using folder = await startFolder();
      const text = `BACKLOG_API_KEY=${KEY}\nBACKLOG_DOMAIN=${space.host}\nBACKLOG_PROJECT=WEB\n`;
      const { env, file } = await writeUserFile(folder.path, text);
      await chmod(file, 0o644);
      const { stdout, code } = await start(["check"], { env });
      expect(stdout.match(/^Note: .*/gm)?.sort()).toEqual([
        `Note: ${file} holds a key, and others on this computer may read it (mode 644): chmod 600 keeps it yours.`,
        `Note: BACKLOG_PROJECT of ${file} is read by nothing; use BACKLOG_PROJECTS.`,
      ]);
      expect(code).toBe(0);
    },
  );

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
      problem: `The API key is wrong or revoked, or belongs to another space than HOST. Check BACKLOG_API_KEY and BACKLOG_DOMAIN; retrying will not help before that. (Backlog refused ${ALL}: 401, "Authentication failure.")`,
    },
    {
      name: "an IP restriction (code 4)",
      options: { answer: refuse(403, 4, 'Not allowed "from" this IP.') },
      problem: `This space accepts only certain IP addresses, and this computer's is not one of them. Connect through the allowed network or VPN, or ask the space's administrator; retrying will not help before that. (Backlog refused ${ALL}: 403, "Not allowed \\"from\\" this IP.")`,
    },
    {
      name: "a missing two-step login (code 12)",
      options: { answer: refuse(403, 12, "Two-step login is required.") },
      problem: `This space requires two-step login, and the owner of this API key has not set it up. Set it up in the Nulab account; retrying will not help before that. (Backlog refused ${ALL}: 403, "Two-step login is required.")`,
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
