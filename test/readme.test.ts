import { describe, expect, test } from "bun:test";
import { check } from "../cli.ts";
import { CLIENTS, formatConfig, toClientFile } from "../clients.ts";
import { IssueDetailsSchema, IssueListSchema } from "../definitions.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { ROOT } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { type Reading, readSettings, toRemedy } from "../settings.ts";

const readme = await Bun.file(`${ROOT}/README.md`).text();
const HOST = "your-space.backlog.com";
const ISSUE = { issue_key: "WEB-1" };
const LIMITS = { read: 600, search: 150, resetInSeconds: 60 };

/** The part under a heading, up to the next one of its level. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)?.[0] ?? "##";
  const start = readme.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`README.md has no ${heading}`);
  const rest = readme.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The code block behind `<!-- example: name -->`. */
function example(name: string): string {
  const found = new RegExp(
    `<!-- example: ${name} -->\\n *\`\`\`text\\n([\\s\\S]*?) *\`\`\``,
  ).exec(readme);
  if (!found?.[1]) throw new Error(`README.md has no example ${name}`);
  return found[1];
}

describe("the first screen of README.md", () => {
  test("has a block to paste that parses, with an absolute path", () => {
    const [, block = ""] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
    const { command, env } = JSON.parse(block).mcpServers.backlog;
    expect(command).toStartWith("/");
    expect(Object.keys(env)).toEqual(["BACKLOG_API_KEY", "BACKLOG_DOMAIN"]);
  });

  test("no place to fill in is left anywhere", () => {
    expect(readme).not.toMatch(/^[A-Z]{4,}$/m);
  });

  test("says that it only reads before anything else", () => {
    expect(readme.split("```")[0]).toContain("it can only read");
  });

  test.each(["list", "details"])(
    "shows what the call of %s really answers",
    async (name) => {
      const matches = [...readme.matchAll(/`(get_\w+)` with `(\{[^`]+\})`/g)];
      const at = readme.indexOf(`<!-- example: ${name} -->`);
      const [, tool = "", args = "{}"] =
        matches.filter(({ index }) => index < at).at(-1) ?? [];
      await using space = startSampleSpace();
      await using server = await connectInProcess(space);
      const { text } = await server.call(tool, JSON.parse(args));
      expect(example(name)).toBe(text.replaceAll(space.url, `https://${HOST}`));
    },
  );
});

describe("the first run in README.md", () => {
  test("shows what check really prints", async () => {
    await using space = startSampleSpace({ rateLimit: LIMITS });
    const file = "/home/hana/.config/backlog-mcp/.env";
    const reading = await readSettings({
      environment: {
        BACKLOG_API_KEY: space.apiKey,
        BACKLOG_DOMAIN: space.host,
      },
      usualFiles: async () => [],
    });
    const found = {
      reading: {
        ...reading,
        source: file,
        domainSource: file,
      },
      origin: space.url,
      envFile: undefined,
      usualFiles: [file],
    };
    const { text } = await check(found);
    // Columns are as wide as what stands in them.
    const narrow = (lines: string) => lines.replace(/ {2,}/g, "  ").trim();
    const shown = text
      .replaceAll(space.url, `https://${HOST}`)
      .replaceAll(space.host, HOST);
    expect(narrow(example("check"))).toBe(
      narrow(shown.replace(/^(?=.)/gm, "  ")),
    );
  });

  test.each([
    ["json", undefined],
    ["json", "claude-desktop"],
    ["json", "cursor"],
    ["json", "gemini"],
    ["json", "vscode"],
    ["sh", "claude-code"],
    ["toml", "codex"],
  ] as const)(
    "has the %s block that config prints for %s",
    (language, client) => {
      const entry = {
        path: "/home/hana/.local/bin/backlog-mcp",
        settings: { kind: "user's file" } as const,
      };
      const block = formatConfig(client, entry, "linux");
      expect(section("## First run")).toContain(
        `\`\`\`${language}\n${block}\`\`\``,
      );
    },
  );

  test.each(
    CLIENTS.filter((client) => client !== "claude-code" && client !== "vscode"),
  )("names the file of %s", (client) => {
    const system = { platform: "linux", environment: {}, home: "~" };
    expect(section("## First run")).toContain(
      `\`${toClientFile(client, system)}\``,
    );
  });
});

describe("the tables of README.md", () => {
  test.each([
    ["### `get_issue_details`", Object.keys(IssueDetailsSchema.shape)],
    ["### `get_user_issue_list`", Object.keys(IssueListSchema.shape)],
  ])("name every argument of %s and no other", (heading, known) => {
    const rows = section(heading).match(/^\| `[^|]*\|/gm) ?? [];
    const named = rows.flatMap((row) =>
      [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""),
    );
    expect(named.toSorted()).toEqual(known.toSorted());
  });

  test("name every setting, as .env.example does", async () => {
    const settings = section("## Settings");
    const template = await Bun.file(`${ROOT}/.env.example`).text();
    for (const name of ["BACKLOG_API_KEY", "BACKLOG_DOMAIN", "USER_ID"]) {
      expect(settings).toContain(`| \`${name}\` |`);
      expect(template).toContain(`${name}=`);
    }
  });
});

/** A message as it really comes, for every row of the table of problems. */
const PROBLEMS: Record<string, () => Promise<string>> = {
  "is not set": () => remedy({}),
  "is not configured": () => remedy({}),
  'BACKLOG_DOMAIN is "': () =>
    remedy({ BACKLOG_API_KEY: "k", BACKLOG_DOMAIN: "example.com" }),
  "The API key is wrong or revoked": () => refusal(401, 11),
  "accepts only certain IP addresses": () => refusal(403, 4),
  "requires two-step login": () => refusal(403, 12),
  "may not read it": () => refusal(403, 5),
  "a page of HTML": () => failing(() => new Response("<html></html>")),
  "too many requests in this minute": () => refusal(429, 13),
  "does not exist, or this key may not see it": () =>
    ask("get_issue_details", { issue_key: "WEB-999" }),
  "could not be resolved": () =>
    ask("get_issue_details", ISSUE, {}, { url: "http://no.invalid" }),
  "Could not reach": () =>
    ask("get_issue_details", ISSUE, {}, { url: "http://127.0.0.1:9" }),
  'No status "': () =>
    ask("get_user_issue_list", { project_keys: "WEB", status_names: "Done" }),
  "is not trusted": () => ask("get_issue_details", ISSUE, { tls: UNTRUSTED }),
  "which is neither a numeric ID nor": () =>
    ask("get_user_issue_list", {}, {}, { userId: "nobody" }),
  "names no time zone": () => ask("get_user_issue_list", { timezone: "Mars" }),
  "is an address of": () =>
    ask("get_issue_details", {
      issue_key: "https://other.backlog.com/view/WEB-1",
    }),
};

async function remedy(environment: Record<string, string>): Promise<string> {
  const reading: Reading = await readSettings({
    environment,
    usualFiles: async () => [],
  });
  return toRemedy(reading, "~/.config/backlog-mcp/.env");
}

function refusal(status: number, code: number): Promise<string> {
  const body = { errors: [{ message: "Refused.", code, moreInfo: "" }] };
  return failing(() => Response.json(body, { status }));
}

function failing(answer: NonNullable<SampleSpaceOptions["answer"]>) {
  return ask("get_issue_details", ISSUE, { answer });
}

async function ask(
  tool: string,
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
  { url, userId }: { url?: string; userId?: string } = {},
): Promise<string> {
  await using space = startSampleSpace(options);
  await using server = await connectInProcess(
    { apiKey: space.apiKey, url: url ?? space.url },
    { limits: { attempts: 1 }, ...(userId && { userId }) },
  );
  const { text, isError } = await server.call(tool, args);
  expect(isError).toBeTrue();
  return text;
}

describe("every message that README.md explains is one that comes", () => {
  const rows = [
    ...section("## When something goes wrong").matchAll(/^\| `([^`]+)`/gm),
  ].map(([, message]) => message ?? "");

  test.each(rows)("%s", async (message) => {
    expect(Object.keys(PROBLEMS)).toContain(message);
    expect(await PROBLEMS[message]?.()).toContain(message);
  });

  test("and none of these is missing there", () => {
    expect(rows.toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
  });
});
