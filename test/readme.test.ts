import { describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { CLIENTS, formatConfig, toClientFile } from "../clients.ts";
import { IssueDetailsSchema, IssueListSchema } from "../definitions.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { ROOT } from "../scripts/build.ts";
import { UNTRUSTED } from "../scripts/certificate.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { SETTINGS as FIELDS } from "../scripts/doors.ts";
import { DOCUMENTS, fillExamples } from "../scripts/examples.ts";
import { drawPicture, PICTURE } from "../scripts/picture.ts";
import { type Reading, readSettings, toRemedy } from "../settings.ts";

const readme = await read("README.md");
const japanese = await read("README.ja.md");
const clients = await read("docs/clients.md");
const errors = await read("docs/errors.md");
const ISSUE = { issue_key: "WEB-1" };

function read(path: string): Promise<string> {
  return Bun.file(`${ROOT}/${path}`).text();
}

/** The part under a heading, up to the next one of its level, or a part's. */
function section(document: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0] ?? "##";
  const start = document.indexOf(`\n${heading}\n`);
  if (start < 0 && !document.startsWith(heading)) {
    throw new Error(`There is no ${heading}`);
  }
  const from = Math.max(start, 0) + heading.length + 2;
  const end = toOutline(document)
    .slice(from)
    .search(new RegExp(`^#{1,${Math.max(level.length, 2)}} `, "m"));
  return document.slice(from, end < 0 ? undefined : from + end);
}

/** At the same places, but without what looks like a heading in an example. */
function toOutline(document: string): string {
  return document.replace(/^```[\s\S]*?^```/gm, (block) =>
    block.replaceAll("#", " "),
  );
}

describe("what the documents show is what really comes", () => {
  test.each(DOCUMENTS)("%s", async (name) => {
    const document = await read(name);
    expect(document).toBe(await fillExamples(document));
  });

  test("the picture is drawn from the tool's answer", async () => {
    expect(await Bun.file(PICTURE).text()).toBe(await drawPicture());
  });

  test("no place to fill in is left anywhere", () => {
    for (const document of [readme, japanese]) {
      expect(document).not.toMatch(/^[A-Z]{4,}$|\b[A-Z]+_(?:OURS|THEIRS)\b/m);
    }
  });

  test("the first lines say that it can only read", () => {
    expect(readme.split("![")[0]).toContain("It can only read");
    expect(japanese.split("![")[0]).toContain("読むことだけ");
  });
});

/** Each heading in both languages, in the order of the documents. */
const HEADINGS = [
  ["# backlog-mcp", "# backlog-mcp"],
  ["## Without a terminal", "## ターミナルを使わない場合"],
  ["## With a terminal", "## ターミナルを使う場合"],
  ["## Ask it", "## 聞いてみる"],
  ["## What the assistant reads", "## アシスタントが読むもの"],
  ["## This or Nulab's own server?", "## ヌーラボ公式のサーバーとの違い"],
  ["## Safety", "## 安全について"],
  ["## When something goes wrong", "## うまくいかないとき"],
] as const;

describe("README.md and README.ja.md are in step", () => {
  const known = HEADINGS.map(([english]) => english);

  test("have the same headings in the same order", () => {
    const headings = (document: string) =>
      toOutline(document).match(/^#+ .*$/gm) ?? [];
    const shared = headings(readme).filter((heading) =>
      known.some((english) => english === heading),
    );
    expect(shared).toEqual([...known]);
    expect(headings(japanese).slice(0, HEADINGS.length)).toEqual(
      HEADINGS.map(([, heading]) => heading),
    );
  });

  test("have the same questions, each in both languages", () => {
    const rows = (heading: string, document: string) =>
      [...section(document, heading).matchAll(/^\| (.+) \| (.+) \|$/gm)].map(
        ([, one, other]) => [one, other],
      );
    expect(rows("## 聞いてみる", japanese)).toEqual(
      rows("## Ask it", readme).map((row) => row.toReversed()),
    );
  });

  test("name the fields as the form does", () => {
    for (const { title } of FIELDS.filter(({ isRequired }) => isRequired)) {
      for (const document of [readme, japanese]) {
        expect(document).toContain(`- **${title}**: `);
      }
    }
  });

  describe.each(HEADINGS)("%s", (english, heading) => {
    const parts = [section(readme, english), section(japanese, heading)];

    test("has the same code blocks", () => {
      const [one, other] = parts.map((part) => part.match(/```[\s\S]*?```/g));
      expect(other).toEqual(one ?? null);
    });

    test("has the same figures and names", () => {
      const [one, other] = parts.map((part) =>
        (part.replace(/```[\s\S]*?```/g, "").match(FIGURES) ?? []).toSorted(),
      );
      expect(other).toEqual(one);
    });
  });
});

/** Numbers with what they count, and what stands between backquotes. */
const FIGURES = /`[^`]+`|\d+(?:[.,]\d+)*(?: (?:ms|kB|MB|MiB))?/g;

describe("every link leads somewhere", () => {
  const documents = ["README.md", "README.ja.md", "SECURITY.md"].concat(
    ["CONTRIBUTING.md"],
    ["clients", "company", "errors", "install", "speed"].map(
      (name) => `docs/${name}.md`,
    ),
  );

  test.each(documents)("of %s", async (name) => {
    const document = await read(name);
    const links = [...document.matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, target = ""]) => target,
    );
    for (const link of links.filter((link) => !/^https?:/.test(link))) {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? name : join(dirname(name), path);
      expect([link, await Bun.file(`${ROOT}/${target}`).exists()]).toEqual([
        link,
        true,
      ]);
      if (anchor) expect(toAnchors(await read(target))).toContain(anchor);
    }
  });
});

/** As GitHub makes them of headings. */
function toAnchors(document: string): string[] {
  return (document.match(/^#+ .*$/gm) ?? []).map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/clients.md", () => {
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
      const server = { command: "/home/hana/.local/bin/backlog-mcp" };
      const block = formatConfig(client, server, "linux");
      expect(clients).toContain(`\`\`\`${language}\n${block}\`\`\``);
    },
  );

  test.each(
    CLIENTS.filter((client) => client !== "claude-code" && client !== "vscode"),
  )("names the file of %s", (client) => {
    const system = { platform: "linux", environment: {}, home: "~" };
    expect(clients).toContain(`\`${toClientFile(client, system)}\``);
  });

  test("names every setting, as .env.example does", async () => {
    const template = await read(".env.example");
    for (const name of SETTINGS) {
      expect(clients).toContain(`| \`${name}\` |`);
      expect(template).toContain(`${name}=`);
    }
  });
});

const SETTINGS = [
  "BACKLOG_API_KEY",
  "BACKLOG_DOMAIN",
  "USER_ID",
  "BACKLOG_PROJECTS",
];

describe("the tables of README.md", () => {
  test.each([
    ["### `get_issue_details`", Object.keys(IssueDetailsSchema.shape)],
    ["### `get_user_issue_list`", Object.keys(IssueListSchema.shape)],
  ])("name every argument of %s and no other", (heading, known) => {
    const rows = section(readme, heading).match(/^\| `[^|]*\|/gm) ?? [];
    const named = rows.flatMap((row) =>
      [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""),
    );
    expect(named.toSorted()).toEqual(known.toSorted());
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
    usualFiles: [],
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

describe("every message that is explained is one that comes", () => {
  const toMessages = (document: string) =>
    [...document.matchAll(/^\| `([^`]+)` \| .* \| .* \|$/gm)].map(
      ([, message = ""]) => message,
    );
  const explained = toMessages(errors);

  test.each(explained)("%s", async (message) => {
    expect(Object.keys(PROBLEMS)).toContain(message);
    expect(await PROBLEMS[message]?.()).toContain(message);
  });

  test("and none of these is missing there", () => {
    expect(explained.toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
  });

  test("the README has five of them, in the same words", () => {
    const rows = section(readme, "## When something goes wrong").match(
      /^\| `.*$/gm,
    );
    expect(rows).toHaveLength(5);
    for (const row of rows ?? []) expect(errors).toContain(row);
  });
});
