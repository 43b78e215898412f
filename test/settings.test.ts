import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import fc from "fast-check";
import {
  listUsualFiles,
  PLACEHOLDERS,
  type Places,
  toManagedFile,
} from "../places.ts";
import { ROOT } from "../scripts/build.ts";
import {
  LiveSettings,
  readSettings,
  toOrigin,
  toRedactor,
  toRemedy,
} from "../settings.ts";

const EXAMPLE = readFileSync(join(ROOT, ".env.example"), "utf8");
const KEY = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";

/** A folder with `.env` files by name; gone at the end of the test. */
async function startFolder(files: Record<string, string | Buffer> = {}) {
  const path = await mkdtemp(join(tmpdir(), "backlog mcp settings "));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return {
    at: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A variable that a client or a shell was to fill in, and did not. */
function unexpanded(name: string): string {
  return `$\{${name}}`;
}

function toPlaces(places: Partial<Omit<Places, "usualFiles">> = {}): Places {
  return { environment: {}, usualFiles: [], ...places };
}

function toFile(name: string, more = ""): string {
  return `BACKLOG_API_KEY=${name}-key-0123456789\nBACKLOG_DOMAIN=${name}.backlog.com\n${more}`;
}

describe("toOrigin allows Backlog's three domains, over https", () => {
  test.each([
    ["example.backlog.com", "https://example.backlog.com"],
    ["example.backlog.jp", "https://example.backlog.jp"],
    ["example.backlogtool.com", "https://example.backlogtool.com"],
    ["my-space-2.backlog.com", "https://my-space-2.backlog.com"],
    ["EXAMPLE.Backlog.JP", "https://example.backlog.jp"],
    ["example.backlog.com.", "https://example.backlog.com"],
    ["example.backlog.com/", "https://example.backlog.com"],
    ["example.backlog.com:443", "https://example.backlog.com"],
    ["ｅｘａｍｐｌｅ．backlog.com", "https://example.backlog.com"],
    ["https://example.backlog.com/dashboard", "https://example.backlog.com"],
    [
      "https://example.backlog.com/view/A-1?x=1#y",
      "https://example.backlog.com",
    ],
    ["HTTPS://EXAMPLE.BACKLOG.COM", "https://example.backlog.com"],
    // The key never travels in the open.
    ["http://example.backlog.com", "https://example.backlog.com"],
    ["http://example.backlog.com/view/A-1", "https://example.backlog.com"],
    // What stands before @ goes nowhere.
    ["https://user:pw@example.backlog.com", "https://example.backlog.com"],
    // Still a name below backlog.com, whatever it looks like.
    ["bücher.backlog.com", "https://xn--bcher-kva.backlog.com"],
  ])("%s is %s", (domain, origin) => {
    expect(toOrigin(domain)).toBe(origin);
  });
});

describe("toOrigin allows this machine, for tests and the demo", () => {
  test.each([
    ["localhost:8787", "http://localhost:8787"],
    ["http://localhost:8787/", "http://localhost:8787"],
    ["https://localhost:8787", "https://localhost:8787"],
    ["127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["https://127.0.0.1:8787", "https://127.0.0.1:8787"],
    ["[::1]:8787", "http://[::1]:8787"],
    ["http://[::1]:8787", "http://[::1]:8787"],
  ])("%s is %s", (domain, origin) => {
    expect(toOrigin(domain)).toBe(origin);
  });
});

describe("toOrigin refuses every other host", () => {
  test.each([
    "",
    "   ",
    "example",
    "example.com",
    "nulab.com",
    "backlog.com",
    "https://backlog.jp",
    ".backlog.com",
    "example..backlog.com",
    // Look-alikes.
    "backlog.com.evil.example",
    "example.backlog.com.evil.example",
    "example.backlog.community",
    "example.backlog.co",
    "evilbacklog.com",
    "example.evilbacklog.com",
    "example-backlog.com",
    "example.bаcklog.com",
    "example.backlog.com@evil.example",
    "https://example.backlog.com@evil.example/",
    "https://example.backlog.com:pw@evil.example/",
    "evil.example/example.backlog.com",
    "evil.example?.backlog.com",
    "evil.example#.backlog.com",
    "evil.example\\.backlog.com",
    "evil.example／.backlog.com",
    "evil.example%2F.backlog.com",
    "evil.example:443\u0000.backlog.com",
    // Another port is another server.
    "example.backlog.com:8443",
    "http://example.backlog.com:8080",
    // Not the web.
    "ftp://example.backlog.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://",
    "http://https://example.backlog.com",
    "exa mple.backlog.com",
    // Nearly this machine.
    "localhost.evil.example",
    "localhost@evil.example",
    "127.0.0.2:8787",
    "0.0.0.0:8787",
    "192.168.0.1",
    "[::2]:8787",
    "169.254.169.254",
  ])("%j", (domain) => {
    expect(toOrigin(domain)).toBeUndefined();
  });
});

describe("readSettings takes all values from the first source", () => {
  test("the environment, whatever the files hold", async () => {
    await using folder = await startFolder({ "named.env": toFile("named") });
    const reading = await readSettings({
      environment: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "own.backlog.com" },
      envFile: folder.at("named.env"),
      usualFiles: [folder.at("named.env")],
    });
    expect(reading).toMatchObject({
      source: "the environment",
      userIdSource: "the environment",
      problems: [],
      settings: {
        apiKey: KEY,
        origin: "https://own.backlog.com",
        host: "own.backlog.com",
        userId: undefined,
      },
    });
  });

  test("the file of --env-file before the usual ones", async () => {
    await using folder = await startFolder({
      "named.env": toFile("named", "USER_ID=7\n"),
      "user.env": toFile("user"),
    });
    const reading = await readSettings({
      environment: {},
      envFile: folder.at("named.env"),
      usualFiles: [folder.at("user.env")],
    });
    expect(reading.source).toBe(folder.at("named.env"));
    expect(reading.settings).toMatchObject({
      apiKey: "named-key-0123456789",
      origin: "https://named.backlog.com",
      host: "named.backlog.com",
      userId: "7",
    });
  });

  test.each([
    { name: "the first that is there", files: ["b.env", "c.env"], is: "b" },
    { name: "the next where one is missing", files: ["c.env"], is: "c" },
  ])("of the usual files, $name", async ({ files, is }) => {
    await using folder = await startFolder(
      Object.fromEntries(files.map((file) => [file, toFile(file[0] ?? "")])),
    );
    const reading = await readSettings({
      environment: {},
      usualFiles: ["a.env", "b.env", "c.env"].map((name) => folder.at(name)),
    });
    expect(reading.source).toBe(folder.at(`${is}.env`));
    expect(reading.settings?.host).toBe(`${is}.backlog.com`);
  });

  test.each([
    ["holds neither key nor domain", "USER_ID=5\nOTHER=1\n"],
    ["is empty", ""],
    ["is .env.example as it was copied", EXAMPLE],
    [
      "holds what no shell has filled in",
      `BACKLOG_API_KEY=${unexpanded("KEY")}\n`,
    ],
    ["holds empty values", 'BACKLOG_API_KEY=\nBACKLOG_DOMAIN=""\n'],
  ])("a file that %s is passed over", async (_, text) => {
    await using folder = await startFolder({
      "first.env": text,
      "second.env": toFile("second"),
    });
    const reading = await readSettings({
      environment: {},
      usualFiles: [folder.at("first.env"), folder.at("second.env")],
    });
    expect(reading.source).toBe(folder.at("second.env"));
    expect(reading.settings?.userId).toBeUndefined();
  });

  test.each([
    {
      name: "a key in the environment never meets a domain of a file",
      environment: { BACKLOG_API_KEY: KEY },
      problem: "BACKLOG_DOMAIN is not set",
    },
    {
      name: "a domain in the environment never meets a key of a file",
      environment: { BACKLOG_DOMAIN: "own.backlog.com" },
      problem: "BACKLOG_API_KEY is not set",
    },
  ])("$name", async ({ environment, problem }) => {
    await using folder = await startFolder({ "user.env": toFile("user") });
    const reading = await readSettings({
      environment,
      envFile: folder.at("user.env"),
      usualFiles: [folder.at("user.env")],
    });
    expect(reading.source).toBe("the environment");
    expect(reading.problems).toEqual([problem]);
    expect(reading.settings).toBeUndefined();
  });

  test("a file that lacks the domain is the source, and is named", async () => {
    await using folder = await startFolder({
      "first.env": `BACKLOG_API_KEY=${KEY}\n`,
      "second.env": toFile("second"),
    });
    const reading = await readSettings({
      environment: {},
      usualFiles: [folder.at("first.env"), folder.at("second.env")],
    });
    expect(reading.settings).toBeUndefined();
    expect(toRemedy(reading, "/home/u/.env")).toBe(
      `backlog-mcp is not configured: BACKLOG_DOMAIN is not set. The settings come from ${folder.at("first.env")}, all of them from this one place. Put BACKLOG_API_KEY (from Personal Settings > API in Backlog) and BACKLOG_DOMAIN (such as your-space.backlog.com) into /home/u/.env or into "env" of this server in the client's configuration. A file is read again at the next call; a changed client configuration needs a restart of the server.`,
    );
  });

  test("no source at all lacks both", async () => {
    const reading = await readSettings(toPlaces());
    expect(reading.problems).toEqual([
      "BACKLOG_API_KEY is not set",
      "BACKLOG_DOMAIN is not set",
    ]);
    expect(toRemedy(reading, "/home/u/.env")).toStartWith(
      "backlog-mcp is not configured: BACKLOG_API_KEY is not set; BACKLOG_DOMAIN is not set. No settings were found. Put BACKLOG_API_KEY",
    );
  });
});

describe("USER_ID", () => {
  test.each([
    {
      name: "comes from the source of the others",
      environment: {},
      more: "USER_ID=7\n",
      userId: "7",
    },
    {
      name: "of the environment overrides a file's",
      environment: { USER_ID: "9" },
      more: "USER_ID=7\n",
      userId: "9",
    },
    {
      name: "of the environment completes a file",
      environment: { USER_ID: "hana" },
      more: "",
      userId: "hana",
    },
    {
      name: "left empty in the environment is not set",
      environment: { USER_ID: "" },
      more: "USER_ID=7\n",
      userId: "7",
    },
    {
      name: "that no shell has filled in is not set",
      environment: { USER_ID: unexpanded("USER_ID") },
      more: "",
      userId: undefined,
    },
  ])("$name", async ({ environment, more, userId }) => {
    await using folder = await startFolder({ "a.env": toFile("a", more) });
    const reading = await readSettings({
      environment,
      usualFiles: [folder.at("a.env")],
    });
    expect(reading.settings?.userId).toBe(userId);
    expect(reading.userIdSource).toBe(
      environment.USER_ID && userId ? "the environment" : folder.at("a.env"),
    );
  });

  test("of a file is not taken into settings of the environment", async () => {
    await using folder = await startFolder({ "a.env": "USER_ID=7\n" });
    const reading = await readSettings({
      environment: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "a.backlog.com" },
      envFile: folder.at("a.env"),
      usualFiles: [folder.at("a.env")],
    });
    expect(reading.settings?.userId).toBeUndefined();
  });
});

describe("what counts as not set", () => {
  test.each([
    ["nothing", ""],
    ["spaces", "   "],
    ["quotes around nothing", '""'],
    ["an unexpanded variable", unexpanded("BACKLOG_API_KEY")],
    ["an unexpanded variable within", `key-${unexpanded("SUFFIX")}`],
    ["an unexpanded input of VS Code", unexpanded("input:backlog-key")],
    ["the placeholder", PLACEHOLDERS.BACKLOG_API_KEY],
    ["the placeholder in quotes", `"${PLACEHOLDERS.BACKLOG_API_KEY}"`],
  ])("%s as the key", async (_, key) => {
    const reading = await readSettings(
      toPlaces({
        environment: { BACKLOG_API_KEY: key, BACKLOG_DOMAIN: "a.backlog.com" },
      }),
    );
    expect(reading.problems).toEqual(["BACKLOG_API_KEY is not set"]);
  });

  test.each([
    ["the placeholder", PLACEHOLDERS.BACKLOG_DOMAIN],
    ["an unexpanded variable", unexpanded("BACKLOG_DOMAIN")],
  ])("%s as the domain", async (_, domain) => {
    const reading = await readSettings(
      toPlaces({
        environment: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: domain },
      }),
    );
    expect(reading.problems).toEqual(["BACKLOG_DOMAIN is not set"]);
  });
});

describe("a value", () => {
  const HOST = "a.backlog.com";
  test.each([
    ["with spaces around", `  ${KEY} `, KEY],
    ["in double quotes", `"${KEY}"`, KEY],
    ["in single quotes", `' ${KEY} '`, KEY],
    ["with - and _", `${KEY}-_`, `${KEY}-_`],
  ])("%s is read", async (_, given, apiKey) => {
    const environment = { BACKLOG_API_KEY: given, BACKLOG_DOMAIN: HOST };
    const reading = await readSettings(toPlaces({ environment }));
    expect(reading.settings?.apiKey).toBe(apiKey);
  });

  const MORE =
    "BACKLOG_API_KEY holds something that no key has, which is letters, digits, - and _ only: paste the key alone, without quotes, spaces, an address or a word before it";
  test.each([
    ["a space", "abc def", MORE],
    ["a word before it", `Bearer ${KEY}`, MORE],
    [
      "a line break, which would begin another header",
      `${KEY}\r\nX-Evil: 1`,
      MORE,
    ],
    ["a control character", `${KEY}\u0000def`, MORE],
    ["an invisible character", `${KEY}\u200bdef`, MORE],
    ["a letter beyond ASCII", "キー".repeat(16), MORE],
    ["nothing but backslashes", "\\".repeat(64), MORE],
    ["a sign of base64", `${KEY}+/=`, MORE],
    [
      "15 characters",
      KEY.slice(0, 15),
      "BACKLOG_API_KEY has 15 characters, too few for a key: copy the whole of it",
    ],
  ])("of the key with %s is refused, unsaid", async (_, key, problem) => {
    const environment = { BACKLOG_API_KEY: key, BACKLOG_DOMAIN: HOST };
    const reading = await readSettings(toPlaces({ environment }));
    expect(reading.settings).toBeUndefined();
    expect(reading.problems).toEqual([problem]);
  });

  test("of the domain that is not allowed is quoted with those that are", async () => {
    const reading = await readSettings(
      toPlaces({
        environment: {
          BACKLOG_API_KEY: KEY,
          BACKLOG_DOMAIN: "backlog.com.evil.example",
        },
      }),
    );
    expect(reading.problems).toEqual([
      'BACKLOG_DOMAIN is "backlog.com.evil.example": use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com',
    ]);
  });

  const USE =
    "use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com";
  test.each([
    [KEY, `names no space: ${USE}`],
    [`${KEY}.`, `names no space: ${USE}`],
    [`https://${KEY}`, `names no space: ${USE}`],
    [`https://${KEY}.example.com`, `names no space: ${USE}`],
    [`evil.example/${KEY}`, `is "evil.example": ${USE}`],
    [`evil.example/?apiKey=${KEY}`, `is "evil.example": ${USE}`],
    [`https://u:${KEY}@evil.example`, `is "evil.example": ${USE}`],
    [`${KEY}@evil.example`, `is "evil.example": ${USE}`],
    [
      `https://${each((code) => `%${code.toString(16)}`)}`,
      `names no space: ${USE}`,
    ],
    [`evil.example\n${KEY}`, `names no space: ${USE}`],
    [`${KEY.slice(0, 20)}.backlog.community`, `names no space: ${USE}`],
    [
      "acme",
      'is "acme": write acme.backlog.com, acme.backlog.jp or acme.backlogtool.com, whichever your browser shows',
    ],
    [
      "https://acme/dashboard",
      'is "acme": write acme.backlog.com, acme.backlog.jp or acme.backlogtool.com, whichever your browser shows',
    ],
  ])(
    "of the domain, %s, shows no more than a host",
    async (domain, problem) => {
      for (const BACKLOG_API_KEY of [
        undefined,
        "another-key-0123456789",
        KEY,
      ]) {
        const environment = { BACKLOG_API_KEY, BACKLOG_DOMAIN: domain };
        const { problems } = await readSettings(toPlaces({ environment }));
        expect(problems.at(-1)).toBe(`BACKLOG_DOMAIN ${problem}`);
      }
    },
  );

  test("of both that are wrong is told at once", async () => {
    const environment = { BACKLOG_API_KEY: "a b", BACKLOG_DOMAIN: "a.example" };
    const { problems } = await readSettings(toPlaces({ environment }));
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      "BACKLOG_API_KEY",
      "BACKLOG_DOMAIN",
    ]);
  });
});

describe("a .env file", () => {
  test.each([
    ["with Windows line ends", toFile("a").replaceAll("\n", "\r\n")],
    ["with a byte order mark", `\ufeff${toFile("a")}`],
    ["with comments and empty lines", `# mine\n\n${toFile("a")}`],
    [
      "with export and quotes",
      "export BACKLOG_API_KEY='a-key-0123456789'\nexport BACKLOG_DOMAIN=\"a.backlog.com\" # ours\n",
    ],
    ["without a line end at its end", toFile("a").trimEnd()],
    [
      "of PowerShell's, in UTF-16",
      Buffer.from(`\ufeff${toFile("a")}`, "utf16le"),
    ],
  ])("%s is read", async (_, text) => {
    await using folder = await startFolder({ ".env": text });
    const places = toPlaces({ envFile: folder.at(".env") });
    expect((await readSettings(places)).settings).toMatchObject({
      apiKey: "a-key-0123456789",
      origin: "https://a.backlog.com",
      host: "a.backlog.com",
      userId: undefined,
    });
  });

  test("says what the runtime's own parser makes of it", async () => {
    await using folder = await startFolder();
    const file = folder.at(".env");
    const line = fc.oneof(
      fc.constantFrom("USER_ID=", "USER_ID=a.b:c-d", "USER_ID= a", "\r"),
      fc.constantFrom("export USER_ID='a b'", "USER_ID=a # b", "USER_ID=a\r"),
      fc.constantFrom("# a", "# a\rUSER_ID=b", 'USER_ID="a\nb"', "USER_ID"),
      fc.string(),
    );
    const check = async (lines: string[]) => {
      const text = lines.join("\n");
      await writeFile(file, text);
      const { values } = readSettings(toPlaces({ envFile: file }));
      const environment = { USER_ID: parseEnv(text).USER_ID };
      const expected = readSettings(toPlaces({ environment }));
      expect(values.USER_ID).toBe(expected.values.USER_ID);
    };
    await fc.assert(fc.asyncProperty(fc.array(line), check), { seed: 1 });
  });

  test("gives our three names only", async () => {
    await using folder = await startFolder({
      ".env": toFile("a", "NODE_TLS_REJECT_UNAUTHORIZED=0\nPATH=/evil\n"),
    });
    const reading = await readSettings(
      toPlaces({ envFile: folder.at(".env") }),
    );
    expect(Object.keys(reading.values)).toEqual([
      "BACKLOG_API_KEY",
      "BACKLOG_DOMAIN",
    ]);
    expect(process.env.NODE_TLS_REJECT_UNAUTHORIZED).toBeUndefined();
  });

  test("named by --env-file that cannot be read is an error, never a fall-through", async () => {
    await using folder = await startFolder({ "user.env": toFile("user") });
    const reading = await readSettings({
      environment: {},
      envFile: folder.at("missing.env"),
      usualFiles: [folder.at("user.env")],
    });
    expect(reading.settings).toBeUndefined();
    expect(reading.problems).toEqual([
      `${folder.at("missing.env")}, named by --env-file, cannot be read (ENOENT)`,
    ]);
  });

  test.skipIf(process.platform === "win32").each([
    ["a folder", ".", "is a folder, no file"],
    ["a pipe", "pipe", "is a pipe (FIFO), no file"],
    ["a link to a pipe", "link to pipe", "is a pipe (FIFO), no file"],
    ["a link to standard input", "link to /dev/stdin", "no file"],
    [
      "a link to a device without end",
      "link to /dev/zero",
      "is a device, no file",
    ],
    [
      "a file of 3 GB",
      "huge",
      "is larger than 64 KiB, which no file of settings is",
    ],
  ])("that is %s is named at once, in any place", async (_, name, problem) => {
    await using folder = await startFolder({ huge: "" });
    await truncate(folder.at("huge"), 3_000_000_000);
    await Bun.$`mkfifo ${folder.at("pipe")}`;
    for (const target of ["pipe", "/dev/stdin", "/dev/zero"]) {
      await mkdir(dirname(folder.at(`link to ${target}`)), { recursive: true });
      await symlink(
        resolve(folder.at("."), target),
        folder.at(`link to ${target}`),
      );
    }
    const path = folder.at(name);
    const named = await readSettings(toPlaces({ envFile: path }));
    expect(named.problems).toHaveLength(1);
    expect(named.problems[0]).toStartWith(`${path}, named by --env-file, `);
    expect(named.problems[0]).toEndWith(problem);
    if (name === ".") return;
    const usual = await readSettings({
      environment: {},
      usualFiles: [path],
    });
    expect(usual.problems[0]).toStartWith(`${path} `);
    expect(usual.problems[0]).toEndWith(problem);
  });

  test("of 64 KiB is read", async () => {
    const text = toFile("a");
    await using folder = await startFolder({
      ".env": `${text}#${"x".repeat(64 * 1024 - text.length - 1)}`,
    });
    const { problems } = await readSettings(
      toPlaces({ envFile: folder.at(".env") }),
    );
    expect(problems).toEqual([]);
  });

  test("named by --env-file that lacks everything is no fall-through either", async () => {
    await using folder = await startFolder({
      "named.env": "OTHER=1\n",
      "user.env": toFile("user"),
    });
    const reading = await readSettings({
      environment: {},
      envFile: folder.at("named.env"),
      usualFiles: [folder.at("user.env")],
    });
    expect(reading.source).toBe(folder.at("named.env"));
    expect(reading.problems).toEqual([
      "BACKLOG_API_KEY is not set",
      "BACKLOG_DOMAIN is not set",
    ]);
  });

  test.skipIf(process.platform === "win32")(
    "in its usual place that cannot be read is an error that names it",
    async () => {
      await using folder = await startFolder({ "next.env": toFile("next") });
      // A link to itself is unreadable to root, too.
      await symlink(folder.at("locked.env"), folder.at("locked.env"));
      const reading = await readSettings({
        environment: {},
        usualFiles: [folder.at("locked.env"), folder.at("next.env")],
      });
      expect(reading.settings).toBeUndefined();
      expect(reading.problems).toEqual([
        `${folder.at("locked.env")} cannot be read (ELOOP)`,
      ]);
    },
  );
});

describe("BACKLOG_PROJECTS", () => {
  const OWN = { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "own.backlog.com" };

  test.each([
    ["WEB,OPS", ["WEB", "OPS"]],
    ["web", ["WEB"]],
    [" WEB , OPS ", ["WEB", "OPS"]],
    ["WEB OPS;API", ["WEB", "OPS", "API"]],
    ["ＷＥＢ、ｏｐｓ，API", ["WEB", "OPS", "API"]],
    ['["WEB", "OPS"]', ["WEB", "OPS"]],
    ["WEB,,OPS,", ["WEB", "OPS"]],
    ["WEB,WEB", ["WEB"]],
    ["A_1,9", ["A_1", "9"]],
    ["", undefined],
    ["  ", undefined],
    [unexpanded("PROJECTS"), undefined],
  ])("%j is %j", async (BACKLOG_PROJECTS, projects) => {
    const reading = await readSettings(
      toPlaces({ environment: { ...OWN, BACKLOG_PROJECTS } }),
    );
    expect(reading.problems).toEqual([]);
    expect<unknown>(reading.settings?.projects).toEqual(projects);
  });

  test.each([
    [",", "names no project"],
    ["[]", "names no project"],
    ["WEB,WEB-1", 'has "WEB-1", which is no key of a project'],
    ["ウェブ", 'has "ウェブ", which is no key of a project'],
    [
      "https://own.backlog.com/projects/WEB",
      "has something, which is no key of a project",
    ],
    ["A".repeat(26), "has something, which is no key of a project"],
  ])("%j stops every call", async (BACKLOG_PROJECTS, problem) => {
    const reading = await readSettings(
      toPlaces({ environment: { ...OWN, BACKLOG_PROJECTS } }),
    );
    expect(reading.settings).toBeUndefined();
    expect(reading.problems).toEqual([
      `BACKLOG_PROJECTS of the environment ${problem}: write keys, such as WEB,OPS`,
    ]);
  });

  // Where the settings come from, and a list in each place that may restrict.
  const inFiles = (named: string, user: string, working = "") => ({
    "named.env": named && `BACKLOG_PROJECTS=${named}\n`,
    "user.env": user && `BACKLOG_PROJECTS=${user}\n`,
    "working.env": `${toFile("working")}${working && `BACKLOG_PROJECTS=${working}\n`}`,
  });
  test.each([
    { name: "of the environment", own: "A", files: {}, is: ["A"] },
    {
      name: "of the file in use",
      files: inFiles("", "", "A,B"),
      is: ["A", "B"],
    },
    {
      name: "of the user's file, whatever is in use",
      files: inFiles("", "B,C", "A,B"),
      is: ["B"],
    },
    {
      name: "of the user's file beside the environment",
      own: "A,B",
      files: inFiles("", "B"),
      is: ["B"],
    },
    {
      name: "of the file of --env-file beside the environment",
      own: "A,B",
      envFile: "named.env",
      files: inFiles("B,C", ""),
      is: ["B"],
    },
    {
      name: "of all of them",
      own: "A,B,C",
      envFile: "named.env",
      files: inFiles("A,B,D", "B,A"),
      is: ["A", "B"],
    },
    {
      name: "that have nothing in common leave none",
      own: "A",
      files: inFiles("", "B"),
      is: [],
    },
    {
      name: "of a working folder that is not in use does not count",
      own: "A",
      files: inFiles("", "", "B"),
      is: ["A"],
    },
    {
      name: "found nowhere restrict nothing",
      files: inFiles("", ""),
      is: undefined,
    },
  ])("lists $name", async ({ own, envFile, files, is }) => {
    await using folder = await startFolder({ ...files });
    const { settings, problems } = await readSettings({
      environment: { ...(own && { ...OWN, BACKLOG_PROJECTS: own }) },
      envFile: envFile && folder.at(envFile),
      usualFiles: ["user.env", "working.env"].map(folder.at),
    });
    expect(problems).toEqual([]);
    expect<unknown>(settings?.projects).toEqual(is);
  });

  test("each is told with where it stands", async () => {
    await using folder = await startFolder({
      "user.env": "BACKLOG_PROJECTS=b\n",
    });
    const { restrictions } = await readSettings({
      environment: { ...OWN, BACKLOG_PROJECTS: "A,B" },
      usualFiles: [folder.at("user.env")],
    });
    expect(restrictions).toEqual([
      { source: "the environment", projects: ["A", "B"] },
      { source: folder.at("user.env"), projects: ["B"] },
    ]);
  });

  test.skipIf(process.platform === "win32")(
    "in a file that cannot be read may be anything, which stops every call",
    async () => {
      await using folder = await startFolder();
      await symlink(folder.at("user.env"), folder.at("user.env"));
      const reading = await readSettings({
        environment: OWN,
        usualFiles: [folder.at("user.env")],
      });
      expect(reading.problems).toEqual([
        `${folder.at("user.env")} cannot be read (ELOOP), and it may hold a BACKLOG_PROJECTS`,
      ]);
    },
  );
});

// As root the tests could use the real file, but so do all others beside them.
describe.skipIf(process.platform === "win32")("managed.env", () => {
  const owner = process.getuid?.() ?? 0;
  const OWN = { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "acme.backlog.com" };
  const TEXT =
    "# Ours\nBACKLOG_DOMAIN=acme.backlog.com\nBACKLOG_PROJECTS=WEB,OPS\n";

  async function readWith(
    text: string,
    {
      environment = {},
      mode = 0o644,
      as = owner,
    }: {
      environment?: Record<string, string>;
      mode?: number;
      as?: number;
    } = {},
  ) {
    await using folder = await startFolder({ "managed.env": text });
    const path = folder.at("managed.env");
    await chmod(path, mode);
    const reading = await readSettings(
      toPlaces({ environment, managedFile: { path, owner: as } }),
    );
    // Of each run the folder is another.
    const shown = JSON.stringify(reading).replaceAll(path, "managed.env");
    return {
      ...reading,
      shown,
      problems: reading.problems.map((text) =>
        text.replaceAll(path, "managed.env"),
      ),
      passedOver: reading.managed.passedOver?.replace(path, "managed.env"),
    };
  }

  test("names the domain, so that a key is enough, and the projects", async () => {
    const reading = await readWith(TEXT, {
      environment: { BACKLOG_API_KEY: KEY },
    });
    expect(reading.settings).toMatchObject({
      origin: "https://acme.backlog.com",
      projects: ["WEB", "OPS"],
    });
    expect(reading.domainSource).toEndWith("managed.env");
    expect(reading.source).toBe("the environment");
  });

  test("adds its projects to those of others", async () => {
    const environment = { ...OWN, BACKLOG_PROJECTS: "OPS,API" };
    expect((await readWith(TEXT, { environment })).settings?.projects).toEqual([
      "OPS",
    ]);
  });

  test.each([
    ["acme.backlog.com", []],
    ["https://ACME.backlog.com/dashboard", []],
    [
      "other.backlog.com",
      [
        "BACKLOG_DOMAIN of the environment is other.backlog.com, but managed.env allows acme.backlog.com alone: take it out there",
      ],
    ],
    [
      "localhost:8787",
      [
        "BACKLOG_DOMAIN of the environment is localhost:8787, but managed.env allows acme.backlog.com alone: take it out there",
      ],
    ],
  ])("beside BACKLOG_DOMAIN %s", async (BACKLOG_DOMAIN, problems) => {
    const environment = { ...OWN, BACKLOG_DOMAIN };
    expect((await readWith(TEXT, { environment })).problems).toEqual(problems);
  });

  test.each([
    [
      "no domain of it leaves everybody's",
      "BACKLOG_PROJECTS=WEB",
      { origin: "https://acme.backlog.com", projects: ["WEB"] },
    ],
    [
      "no projects of it leave all",
      "BACKLOG_DOMAIN=acme.backlog.com",
      { projects: undefined },
    ],
    [
      "with quotes, export and Windows line ends",
      'export BACKLOG_DOMAIN="acme.backlog.com"\r\n\r\n  BACKLOG_PROJECTS = web # ours\r\n',
      { projects: ["WEB"] },
    ],
  ])("%s", async (_, text, settings) => {
    const reading = await readWith(text, { environment: OWN });
    expect(reading.problems).toEqual([]);
    expect<unknown>(reading.settings).toMatchObject(settings);
  });

  test.each([
    [
      "holds a key",
      `${TEXT}BACKLOG_API_KEY=${KEY}`,
      "holds a key, which is each user's own",
    ],
    [
      "holds a name that nothing reads",
      `${TEXT}BACKLOG_PROJECT=WEB`,
      "holds more than BACKLOG_DOMAIN and BACKLOG_PROJECTS",
    ],
    [
      "has a line that is none",
      "BACKLOG_PROJECTS WEB",
      "has a line that is no NAME=VALUE",
    ],
    [
      "spreads a value over lines",
      'BACKLOG_PROJECTS="WEB,\nOPS"',
      "has a line that is no NAME=VALUE",
    ],
    [
      "sets a name twice",
      "BACKLOG_PROJECTS=WEB\nBACKLOG_PROJECTS=WEB,OPS",
      "sets BACKLOG_PROJECTS twice",
    ],
    [
      "sets a name to nothing",
      "BACKLOG_DOMAIN=\n",
      "leaves BACKLOG_DOMAIN to be filled in",
    ],
    [
      "holds what nobody filled in",
      `BACKLOG_PROJECTS=${unexpanded("PROJECTS")}`,
      "leaves BACKLOG_PROJECTS to be filled in",
    ],
    ["is empty", "", "sets nothing"],
    ["is binary", "\u0000\u0001", "has a line that is no NAME=VALUE"],
    [
      "is larger than 64 KiB",
      "#".repeat(65_537),
      "is larger than 64 KiB, which no file of settings is",
    ],
    [
      "names another host",
      "BACKLOG_DOMAIN=evil.example",
      'managed.env: BACKLOG_DOMAIN is "evil.example": use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com',
    ],
    [
      "names this machine",
      "BACKLOG_DOMAIN=localhost:8787",
      'managed.env: BACKLOG_DOMAIN is "localhost:8787": use your-space.backlog.com, your-space.backlog.jp or your-space.backlogtool.com',
    ],
    [
      "names no project",
      "BACKLOG_PROJECTS=WEB-1",
      'has "WEB-1", which is no key of a project',
    ],
  ])("that %s stops every call", async (_, text, problem) => {
    const reading = await readWith(text, { environment: OWN });
    expect(reading.settings).toBeUndefined();
    expect(reading.problems.join("; ")).toContain(problem);
    expect(reading.problems).toHaveLength(1);
    expect(reading.shown.split('"secrets"')[0]).not.toContain(`=${KEY}`);
    expect(toRemedy(reading, "/home/u/.env")).toStartWith(
      "backlog-mcp answers no call: ",
    );
  });

  test.each([
    ["somebody else's", { as: owner + 1 }, "it does not belong to root"],
    [
      "writable for a group",
      { mode: 0o664 },
      "others than root may write to it (mode 664)",
    ],
    [
      "writable for all",
      { mode: 0o646 },
      "others than root may write to it (mode 646)",
    ],
  ])("that is %s is passed over, and that is said", async (_, file, why) => {
    const text = `BACKLOG_DOMAIN=evil.backlog.com\nBACKLOG_API_KEY=${KEY}`;
    const reading = await readWith(text, { environment: OWN, ...file });
    expect(reading.settings).toMatchObject({
      origin: "https://acme.backlog.com",
      projects: undefined,
    });
    expect(reading.passedOver).toBe(`managed.env does not count: ${why}.`);
  });

  test.each([
    ["a folder", "folder", "is a folder, no file"],
    ["a pipe", "pipe", "is a pipe (FIFO), no file"],
    [
      "a link that leads nowhere but to itself",
      "loop",
      "cannot be read (ELOOP)",
    ],
  ])("that is %s stops every call at once", async (_, name, problem) => {
    await using folder = await startFolder({ "folder/file": "" });
    await Bun.$`mkfifo -m 644 ${folder.at("pipe")}`;
    await symlink(folder.at("loop"), folder.at("loop"));
    const managedFile = { path: folder.at(name), owner };
    const { problems } = await readSettings(
      toPlaces({ environment: OWN, managedFile }),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toEndWith(problem);
  });

  test("that is not there changes nothing", async () => {
    const managedFile = { path: "/nonexistent/managed.env", owner: 0 };
    const reading = await readSettings(
      toPlaces({ environment: OWN, managedFile }),
    );
    expect(reading.problems).toEqual([]);
    expect(reading.managed.passedOver).toBeUndefined();
  });

  test.each([
    ["linux", "/etc/backlog-mcp/managed.env"],
    ["darwin", "/Library/Application Support/backlog-mcp/managed.env"],
    ["win32", undefined],
  ])("on %s stands at %s, and is root's", (platform, path) => {
    expect(toManagedFile(platform)).toEqual(
      path === undefined ? undefined : { path, owner: 0 },
    );
  });
});

describe("what looks like a mistake", () => {
  const read = async (text: string, name = "user.env") => {
    await using folder = await startFolder({ [name]: text });
    await chmod(folder.at(name), 0o600);
    const { notes } = await readSettings({
      environment: {},
      usualFiles: [folder.at("user.env")],
    });
    return notes.map((note) => note.replaceAll(folder.at("user.env"), "FILE"));
  };
  test.each([
    ["nothing in what is well", toFile("a"), []],
    [
      "a placeholder left in",
      EXAMPLE,
      [
        "BACKLOG_API_KEY of FILE still holds the placeholder of .env.example, so it counts as not set.",
        "BACKLOG_DOMAIN of FILE still holds the placeholder of .env.example, so it counts as not set.",
      ],
    ],
    [
      "an empty value",
      toFile("a").replace(/KEY=.*/, "KEY="),
      ["BACKLOG_API_KEY of FILE is empty, so it counts as not set."],
    ],
    [
      "a variable that nothing filled in",
      `BACKLOG_PROJECTS=${unexpanded("P")}`,
      [
        "BACKLOG_PROJECTS of FILE holds a variable that nothing filled in, so it counts as not set.",
      ],
    ],
    ["a USER_ID left empty, as forms do", toFile("a", "USER_ID=\n"), []],
    [
      "misspelt names",
      "BACKLOG_APIKEY=1\nBACKLOG_SPACE=2\nBACKLOG_PROJECT=3\nUSERID=4",
      [
        "BACKLOG_APIKEY of FILE is read by nothing; use BACKLOG_API_KEY.",
        "BACKLOG_SPACE of FILE is read by nothing; use BACKLOG_DOMAIN.",
        "BACKLOG_PROJECT of FILE is read by nothing; use BACKLOG_PROJECTS.",
        "USERID of FILE is read by nothing; use USER_ID.",
      ],
    ],
    [
      "no name beside the right one",
      toFile("a", "BACKLOG_API_KEY_OLD=1\n"),
      [],
    ],
  ])("is told: %s", async (_, text, expected) => {
    expect(await read(text)).toEqual(expected);
  });

  test(".env.txt beside where .env is looked for", async () => {
    expect(await read(toFile("a"), "user.env.txt")).toEqual([
      "FILE.txt is there, but only FILE is read: take .txt off its name.",
    ]);
  });

  test.skipIf(process.platform === "win32")(
    "a file with a key that others may read",
    async () => {
      await using folder = await startFolder({ ".env": toFile("a") });
      await chmod(folder.at(".env"), 0o640);
      const { notes } = await readSettings(
        toPlaces({ envFile: folder.at(".env") }),
      );
      expect(notes).toEqual([
        `${folder.at(".env")} holds a key, and others on this computer may read it (mode 640): chmod 600 keeps it yours.`,
      ]);
    },
  );

  test("is part of the remedy", async () => {
    const environment = { BACKLOG_APIKEY: KEY };
    const reading = await readSettings(toPlaces({ environment }));
    expect(toRemedy(reading, "/home/u/.env")).toContain(
      "No settings were found. BACKLOG_APIKEY of the environment is read by nothing; use BACKLOG_API_KEY. Put",
    );
    expect(reading.secrets).toEqual([KEY]);
  });
});

describe("listUsualFiles", () => {
  const REST = [
    join(dirname(process.execPath), ".env"),
    join(process.cwd(), ".env"),
  ];

  test.each([
    [
      "the user's folder by default",
      { HOME: "/home/u" },
      "/home/u/.config/backlog-mcp/.env",
    ],
    [
      "the folder that XDG_CONFIG_HOME names",
      { HOME: "/home/u", XDG_CONFIG_HOME: "/etc/u" },
      "/etc/u/backlog-mcp/.env",
    ],
    [
      "the user's folder where XDG_CONFIG_HOME is empty",
      { HOME: "/home/u", XDG_CONFIG_HOME: "" },
      "/home/u/.config/backlog-mcp/.env",
    ],
    [
      "the user's folder where XDG_CONFIG_HOME depends on the start folder",
      { HOME: "/home/u", XDG_CONFIG_HOME: "conf" },
      "/home/u/.config/backlog-mcp/.env",
    ],
    [
      "the system's idea of home where HOME is not set",
      {},
      join(homedir(), ".config", "backlog-mcp", ".env"),
    ],
  ])("begins with %s; the start folder comes last", async (_, env, first) => {
    expect(await listUsualFiles(env, "linux")).toEqual([first, ...REST]);
  });

  test("begins with %APPDATA% on Windows", async () => {
    const [first] = await listUsualFiles(
      { APPDATA: "C:\\Users\\u\\AppData\\Roaming" },
      "win32",
    );
    expect(first).toBe("C:\\Users\\u\\AppData\\Roaming\\backlog-mcp\\.env");
  });
});

describe("LiveSettings", () => {
  const OLD = toFile("old", "").replace("old.backlog", "a.backlog");
  const NEW = OLD.replace("old-key", "new-key");

  /** A program that has begun with a user's file, which then changes. */
  async function startLive(text: string) {
    const folder = await startFolder({ "user.env": OLD });
    const live = new LiveSettings({
      environment: {},
      usualFiles: ["user.env", "next.env"].map(folder.at),
    });
    const { settings } = await live.read();
    if (!settings) throw new Error("no settings");
    const connection = live.toConnection(settings);
    await writeFile(folder.at("user.env"), text);
    await writeFile(folder.at("next.env"), toFile("next"));
    return { ...folder, live, connection };
  }

  test("reads again while something is missing, and no more then", async () => {
    await using folder = await startFolder({
      "user.env": "BACKLOG_DOMAIN=a.backlog.com",
    });
    const live = new LiveSettings(toPlaces({ envFile: folder.at("user.env") }));
    expect((await live.read()).settings).toBeUndefined();
    await writeFile(folder.at("user.env"), OLD);
    expect((await live.read()).settings?.apiKey).toBe("old-key-0123456789");
    await writeFile(folder.at("user.env"), NEW);
    expect((await live.read()).settings?.apiKey).toBe("old-key-0123456789");
  });

  test("renews the key from the same file, for every call that had the old one", async () => {
    await using started = await startLive(NEW);
    const { connection, live } = started;
    const renewed = await connection.renew?.();
    expect(renewed).toMatchObject({
      apiKey: "new-key-0123456789",
      origin: connection.origin,
    });
    expect((await connection.renew?.())?.apiKey).toBe("new-key-0123456789");
    expect(await renewed?.renew?.()).toBeUndefined();
    expect((await live.read()).settings?.apiKey).toBe("new-key-0123456789");
    expect(live.redact("old-key-0123456789, new-key-0123456789")).toBe(
      "[API key], [API key]",
    );
  });

  test("finds nothing new in a file that is the same, or in the environment", async () => {
    await using started = await startLive(OLD);
    expect(await started.connection.renew?.()).toBeUndefined();
    const live = new LiveSettings(
      toPlaces({
        environment: { BACKLOG_API_KEY: KEY, BACKLOG_DOMAIN: "a.backlog.com" },
      }),
    );
    const { settings } = await live.read();
    expect(
      settings && (await live.toConnection(settings).renew?.()),
    ).toBeUndefined();
  });

  test.each([
    [
      "another domain asks for a restart",
      NEW.replace("a.backlog", "b.backlog"),
      /now names b\.backlog\.com, but this program speaks to a\.backlog\.com until it is restarted\. Restart/,
    ],
    [
      "a key that is missing is said, and no other file is taken",
      "BACKLOG_DOMAIN=a.backlog.com",
      /user\.env holds no other: BACKLOG_API_KEY is not set\./,
    ],
  ])("%s", async (_, text, problem) => {
    await using started = await startLive(text);
    await expect(started.connection.renew?.()).rejects.toThrow(problem);
  });
});

/** Each of its characters written so. */
const each = (write: (code: number) => string) =>
  [...KEY].map((letter) => write(letter.charCodeAt(0))).join("");

describe("toRedactor takes the key out", () => {
  const json = (code: number) => `\\u${code.toString(16).padStart(4, "0")}`;
  const url = (code: number) => `%${code.toString(16).toUpperCase()}`;
  test.each([
    ["as it is", KEY],
    ["in small letters", KEY.toLowerCase()],
    ["in capitals", KEY.toUpperCase()],
    ["full width", each((code) => String.fromCharCode(code + 0xfee0))],
    ["URL-encoded", each(url)],
    ["URL-encoded twice", encodeURIComponent(each(url))],
    [
      "URL-encoded in part, in small letters",
      `%61${KEY.slice(1).toLowerCase()}`,
    ],
    ["as JSON may write it", each(json)],
    ["as JSON in JSON may write it", each((code) => `\\${json(code)}`)],
    ["JSON, then URL-encoded", encodeURIComponent(each(json))],
    ["as \\x5a", each((code) => `\\x${code.toString(16)}`)],
    ["as \\u{5a}", each((code) => `\\u{${code.toString(16)}}`)],
    [
      "as \\u{00005A}",
      each((code) => `\\u{0000${code.toString(16).toUpperCase()}}`),
    ],
    ["as octal", each((code) => `\\${code.toString(8)}`)],
    ["as decimal entities", each((code) => `&#${code};`)],
    ["as entities with zeros, without an end", each((code) => `&#000${code}`)],
    ["as hexadecimal entities", each((code) => `&#x${code.toString(16)};`)],
    ["as entities of entities", each((code) => `&amp;#x${code.toString(16)};`)],
    [
      "as entities, URL-encoded",
      encodeURIComponent(each((code) => `&#${code};`)),
    ],
    [
      "with invisible characters in it",
      each((code) => `\u200b${String.fromCharCode(code)}\u00ad`).slice(1, -1),
    ],
  ])("%s", (_, written) => {
    const redact = toRedactor(["another-key-0123456789", KEY]);
    expect(redact(`a ${written} b ${written}c`)).toBe(
      "a [API key] b [API key]c",
    );
  });

  test.each([["- and _ as Markdown writes them", "a\\_key\\-of\\_16\\-signs"]])(
    "%s",
    (_, written) => {
      expect(toRedactor(["a_key-of_16-signs"])(written)).toBe("[API key]");
    },
  );

  test.each([
    [
      "what stands around it was set as well",
      `Bearer ${KEY}`,
      KEY,
      "[API key]",
    ],
    ["a longer one holds a shorter one", `${KEY}X`, `${KEY}X`, "[API key]"],
    [
      "it is as long as no key is",
      KEY.repeat(9),
      KEY.repeat(9),
      "[API key][API key][API key]",
    ],
  ])("where %s", (_, set, text, expected) => {
    expect(toRedactor([KEY, set])(text)).toBe(expected);
  });

  test.each([
    ["a text without it", [KEY], "nothing here"],
    ["a part of it", [KEY], KEY.slice(1)],
    // Such a short one is no key, and would tear up every text.
    ["a word that is no key", ["letter"], "a letter"],
    ["nothing where there is no key", [], KEY],
  ])("but leaves %s", (_, keys, text) => {
    expect(toRedactor(keys)(text)).toBe(text);
  });
});

describe("toRedactor takes the key out, but does not know it", () => {
  test.each([
    ["in base64", btoa(KEY)],
    ["reversed", [...KEY].reverse().join("")],
    ["in parts", `${KEY.slice(0, 18)} and ${KEY.slice(18)}`],
  ])("%s", (_, written) => {
    expect(toRedactor([KEY])(written)).toBe(written);
  });
});

// In proportion to the square of their length these would take hours.
describe("toRedactor comes to an end with", () => {
  const MANY = 400_000;
  test.each([
    ["a key of backslashes", "\\".repeat(64)],
    ["a key of one letter", "a".repeat(64)],
    ["a key that ends otherwise", `${"a".repeat(63)}b`],
    ["a key of escapes", "\\u0075".repeat(20)],
    ["a key of 100 kB", KEY.repeat(3_000)],
  ])("%s", (_, key) => {
    const redact = toRedactor([key]);
    for (const text of [
      "\\",
      "a",
      "%25",
      "%61",
      "&amp;",
      "&#0",
      "\\u0061",
      "a\u200b",
    ]) {
      const long = text.repeat(MANY / text.length);
      expect(redact(`${long} `)).toEndWith(" ");
    }
  });
});
